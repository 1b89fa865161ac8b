-- The ring's tables. Columns are grouped by their only writer; the grants at
-- the end make Postgres hold each service to its columns.

-- Accounts ------------------------------------------------ api-gateway

CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,56}[a-z0-9])?$'),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (id),
    -- SHA-256 of the token. A token is 160 random bits, so a slow hash would
    -- add cost to every request and no strength.
    sha256 bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX tokens_of_account ON tokens (account_id);

-- Jobs ---------------------------------------------------- api-gateway

CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text NOT NULL CHECK (length(namespace) BETWEEN 1 AND 58),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    created_by text NOT NULL,
    region text NOT NULL,
    -- Command, image, size and variables: shared_types::ExecSpec.
    spec jsonb NOT NULL,
    email_enabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE INDEX jobs_of_namespace ON jobs (namespace, id) WHERE deleted_at IS NULL;

-- Schedules: one row a job, intent and status side by side so that one
-- conditional update decides between an edit and a firing.

CREATE TABLE schedules (
    job_id bigint PRIMARY KEY REFERENCES jobs (id),
    -- Intent: api-gateway
    mode text,
    zone text NOT NULL DEFAULT 'UTC',
    active boolean NOT NULL DEFAULT false,
    generation bigint NOT NULL DEFAULT 1,
    -- Instants before this one are not this generation's.
    effective_from timestamptz NOT NULL DEFAULT now(),
    -- Status: scheduler-svc
    observed_generation bigint NOT NULL DEFAULT 0,
    next_at timestamptz,
    error text,
    CHECK (mode IS NOT NULL OR NOT active)
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE active AND next_at IS NOT NULL;
CREATE INDEX schedules_changed ON schedules (job_id) WHERE observed_generation <> generation;

-- Execs ---------------------------------------------------

CREATE TABLE execs (
    id uuid PRIMARY KEY,
    -- Intent: the service that triggers (api-gateway, scheduler-svc)
    job_id bigint NOT NULL REFERENCES jobs (id),
    namespace text NOT NULL,
    region text NOT NULL,
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 63),
    trigger_mode text NOT NULL CHECK (trigger_mode IN ('M', 'S')),
    slot_at timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- The job as it was when triggered: shared_types::ExecSpec.
    spec jsonb NOT NULL,
    cancel_requested_at timestamptz,
    -- Status: executor-svc
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled', 'lost')),
    reason text,
    message text,
    exit_code integer,
    attempt integer NOT NULL DEFAULT 0,
    started_at timestamptz,
    ended_at timestamptz,
    logs_abandoned_at timestamptz,
    CHECK ((trigger_mode = 'S') = (slot_at IS NOT NULL)),
    CHECK ((state IN ('waiting', 'running')) = (ended_at IS NULL)),
    CHECK (state IN ('waiting', 'running') OR reason IS NOT NULL),
    CHECK (state <> 'running' OR started_at IS NOT NULL)
);
CREATE INDEX execs_of_job ON execs (job_id, id);
-- Holds open execs only, so sweeps cost nothing for what has ended.
CREATE INDEX execs_open ON execs (region, id) WHERE state IN ('waiting', 'running');
CREATE INDEX execs_open_of_job ON execs (job_id) WHERE state IN ('waiting', 'running');
CREATE INDEX execs_logs_abandoned ON execs (region) WHERE logs_abandoned_at IS NOT NULL;

CREATE TABLE exec_attempts (
    exec_id uuid NOT NULL REFERENCES execs (id),
    attempt integer NOT NULL CHECK (attempt > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    job_uid text,
    -- The one pod that may start the program: set once, where null.
    pod_uid text,
    pod_name text,
    claimed_at timestamptz,
    node text,
    started_at timestamptz,
    ended_at timestamptz,
    -- When the end was recorded: long after ended_at if nobody looked.
    settled_at timestamptz,
    exit_code integer,
    reason text,
    message text,
    PRIMARY KEY (exec_id, attempt)
);

-- The timeline: append-only, whoever did it. A step done twice is told once.
CREATE TABLE exec_events (
    exec_id uuid NOT NULL REFERENCES execs (id),
    attempt integer NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (exec_id, attempt, kind)
);

-- The ledger: what became of each planned instant ----- scheduler-svc

CREATE TABLE slots (
    job_id bigint NOT NULL REFERENCES jobs (id),
    generation bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    -- Instants from first_at to last_at, both included.
    count bigint NOT NULL CHECK (count > 0),
    outcome text NOT NULL CHECK (outcome IN ('fired', 'skipped', 'missed')),
    reason text,
    exec_id uuid REFERENCES execs (id),
    PRIMARY KEY (job_id, generation, first_at),
    CHECK (last_at >= first_at),
    CHECK ((outcome = 'fired') = (exec_id IS NOT NULL)),
    CHECK ((outcome = 'fired') = (reason IS NULL)),
    CHECK (outcome <> 'fired' OR count = 1)
);

-- Logs ------------------------------------------------------- log-svc

CREATE TABLE log_streams (
    exec_id uuid NOT NULL REFERENCES execs (id),
    attempt integer NOT NULL,
    region text NOT NULL,
    pod_uid text NOT NULL,
    -- Raised by each new writer; a write of an older epoch is refused.
    epoch bigint NOT NULL DEFAULT 1,
    -- Sequence number of the next line, so also the number of lines.
    next_seq bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL DEFAULT now(),
    sealed_at timestamptz,
    -- Whether every line is there; told when sealed.
    complete boolean,
    message text,
    PRIMARY KEY (exec_id, attempt),
    CHECK ((sealed_at IS NULL) = (complete IS NULL))
);
CREATE INDEX log_streams_open ON log_streams (region) WHERE sealed_at IS NULL;

CREATE TABLE log_chunks (
    exec_id uuid NOT NULL,
    attempt integer NOT NULL,
    first_seq bigint NOT NULL,
    lines integer NOT NULL CHECK (lines > 0),
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    raw_bytes integer NOT NULL,
    -- store::logs::chunk says how it is written.
    data bytea NOT NULL,
    PRIMARY KEY (exec_id, attempt, first_seq),
    FOREIGN KEY (exec_id, attempt) REFERENCES log_streams (exec_id, attempt)
);
-- Compressed by us already.
ALTER TABLE log_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- Roles: one a service. Roles belong to the server, not to the database, so
-- another database's migration may be making them at this moment.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['escapement_gateway', 'escapement_scheduler',
                                     'escapement_executor', 'escapement_logs'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO escapement_gateway;
GRANT INSERT (name) ON accounts TO escapement_gateway;
GRANT INSERT (account_id, sha256, expires_at), UPDATE (revoked_at) ON tokens TO escapement_gateway;
GRANT INSERT (namespace, name, created_by, region, spec, email_enabled),
      UPDATE (name, region, spec, email_enabled, updated_at, deleted_at)
      ON jobs TO escapement_gateway;
GRANT INSERT (job_id, mode, zone, active, generation, effective_from),
      UPDATE (mode, zone, active, generation, effective_from)
      ON schedules TO escapement_gateway;
GRANT INSERT (id, job_id, namespace, region, shard, trigger_mode, slot_at, created_by, spec),
      UPDATE (cancel_requested_at) ON execs TO escapement_gateway;
GRANT INSERT ON exec_events TO escapement_gateway;

GRANT SELECT ON jobs, schedules, slots, execs, exec_events TO escapement_scheduler;
GRANT UPDATE (observed_generation, next_at, error) ON schedules TO escapement_scheduler;
GRANT INSERT ON slots TO escapement_scheduler;
GRANT INSERT (id, job_id, namespace, region, shard, trigger_mode, slot_at, created_by, spec),
      UPDATE (cancel_requested_at) ON execs TO escapement_scheduler;
GRANT INSERT ON exec_events TO escapement_scheduler;

GRANT SELECT ON execs, exec_attempts, exec_events, log_streams TO escapement_executor;
GRANT UPDATE (state, reason, message, exit_code, attempt, started_at, ended_at, logs_abandoned_at)
      ON execs TO escapement_executor;
GRANT INSERT, UPDATE ON exec_attempts TO escapement_executor;
GRANT INSERT ON exec_events TO escapement_executor;

GRANT SELECT ON execs, exec_attempts, log_streams, log_chunks TO escapement_logs;
GRANT INSERT, UPDATE ON log_streams, log_chunks TO escapement_logs;
