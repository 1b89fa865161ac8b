-- Schedules that answer for each planned instant: rules beside the text, every
-- generation kept, a ledger with queued and backfilled instants, and replicas
-- that divide the work.

ALTER TABLE schedules
    DROP COLUMN zone,
    -- Intent: how the text is read and what its instants do, shared_types::ScheduleRules.
    ADD COLUMN rules jsonb NOT NULL DEFAULT '{}',
    -- Intent: when the text was given; where one without a start begins.
    ADD COLUMN anchor timestamptz NOT NULL DEFAULT now(),
    -- Status: when the scheduler is to look; next_at with its delay, past what cannot fire.
    ADD COLUMN due_at timestamptz,
    -- Which replica's; as shared_types::Shard computes it.
    ADD COLUMN shard smallint NOT NULL GENERATED ALWAYS AS ((job_id % 64)::smallint) STORED;
UPDATE schedules SET anchor = effective_from, due_at = next_at;

DROP INDEX schedules_due, schedules_changed;
CREATE INDEX schedules_due ON schedules (shard, due_at) WHERE active AND due_at IS NOT NULL;
CREATE INDEX schedules_changed ON schedules (shard) WHERE observed_generation <> generation;

-- What earlier generations said, so that their instants can be told for ever:
-- kept by a trigger, so no writer can forget it.
CREATE TABLE schedule_history (
    job_id bigint NOT NULL REFERENCES jobs (id),
    generation bigint NOT NULL,
    mode text,
    rules jsonb NOT NULL,
    anchor timestamptz NOT NULL,
    active boolean NOT NULL,
    effective_from timestamptz NOT NULL,
    PRIMARY KEY (job_id, generation)
);

CREATE FUNCTION keep_generation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO schedule_history (job_id, generation, mode, rules, anchor, active, effective_from)
    VALUES (OLD.job_id, OLD.generation, OLD.mode, OLD.rules, OLD.anchor, OLD.active, OLD.effective_from);
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_generation AFTER UPDATE OF generation ON schedules FOR EACH ROW
    WHEN (OLD.generation <> NEW.generation) EXECUTE FUNCTION keep_generation();

ALTER TABLE execs
    ADD COLUMN lane text NOT NULL DEFAULT 'normal' CHECK (lane IN ('normal', 'low'));

-- Backfills: instants of a range, run after the fact at a rate.

CREATE TABLE backfills (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Intent: api-gateway
    job_id bigint NOT NULL REFERENCES jobs (id),
    -- Whose instants; later edits change nothing of them.
    generation bigint NOT NULL,
    from_at timestamptz NOT NULL,
    -- Not included.
    to_at timestamptz NOT NULL,
    per_minute integer NOT NULL CHECK (per_minute BETWEEN 1 AND 600),
    -- How many instants there are.
    count bigint NOT NULL CHECK (count > 0),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    dropped_at timestamptz,
    -- Status: scheduler-svc
    -- Instants before this one are done with.
    next_at timestamptz,
    fired bigint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CHECK (from_at < to_at)
);
CREATE INDEX backfills_of_job ON backfills (job_id, id);
CREATE INDEX backfills_open ON backfills (due_at) WHERE ended_at IS NULL;

-- The ledger. Each backfill has its own entries beside the schedule's (0).

ALTER TABLE slots
    ADD COLUMN backfill_id bigint NOT NULL DEFAULT 0,
    -- Of a queued instant: where its exec will wait.
    ADD COLUMN lane text CHECK (lane IN ('normal', 'low')),
    DROP CONSTRAINT slots_pkey,
    DROP CONSTRAINT slots_outcome_check,
    DROP CONSTRAINT slots_check1,
    DROP CONSTRAINT slots_check2,
    DROP CONSTRAINT slots_check3,
    ADD PRIMARY KEY (job_id, first_at, generation, backfill_id),
    ADD CHECK (outcome IN ('fired', 'queued', 'skipped', 'missed', 'coalesced', 'cancelled')),
    ADD CHECK ((outcome = 'fired') = (exec_id IS NOT NULL)),
    ADD CHECK ((outcome = 'queued') = (lane IS NOT NULL)),
    ADD CHECK ((outcome IN ('fired', 'queued')) = (reason IS NULL)),
    ADD CHECK (outcome NOT IN ('fired', 'queued') OR count = 1);
CREATE INDEX slots_ranges ON slots (job_id, last_at) WHERE count > 1;
CREATE INDEX slots_queued ON slots (job_id, first_at) WHERE outcome = 'queued';

-- Members and leases: which replicas of a service there are, and which part of
-- the work each one does. By the database's clock.

CREATE TABLE members (
    -- The service's database role, which may write no other's rows.
    role name NOT NULL DEFAULT current_user,
    region text NOT NULL,
    holder uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (role, region, holder)
);

CREATE TABLE leases (
    role name NOT NULL DEFAULT current_user,
    region text NOT NULL,
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 63),
    -- Nobody, if it was given back.
    holder uuid,
    -- Raised with each new holder: a fence for what an older one still writes.
    epoch bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (role, region, shard)
) WITH (fillfactor = 50);

ALTER TABLE members ENABLE ROW LEVEL SECURITY;
ALTER TABLE leases ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_role ON members USING (role = current_user);
CREATE POLICY own_role ON leases USING (role = current_user);

-- Grants

GRANT SELECT ON schedule_history, backfills TO escapement_gateway;
GRANT INSERT (rules, anchor), UPDATE (rules, anchor) ON schedules TO escapement_gateway;
GRANT INSERT (job_id, generation, from_at, to_at, per_minute, count, created_by),
      UPDATE (dropped_at) ON backfills TO escapement_gateway;

GRANT SELECT ON schedule_history, backfills TO escapement_scheduler;
GRANT UPDATE (due_at) ON schedules TO escapement_scheduler;
GRANT UPDATE (next_at, fired, due_at, ended_at) ON backfills TO escapement_scheduler;
GRANT UPDATE (outcome, reason, exec_id, lane) ON slots TO escapement_scheduler;
GRANT INSERT (lane) ON execs TO escapement_scheduler;

GRANT SELECT, INSERT, UPDATE, DELETE ON members, leases
    TO escapement_scheduler, escapement_executor, escapement_logs;
