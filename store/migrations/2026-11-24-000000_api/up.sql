-- What an API on an open network needs: who may do what, which answer a
-- repeated request gets, who did what, and lists that stay cheap.

-- Accounts: users and organisations; each owns the namespace of its name ----

ALTER TABLE accounts
    ADD COLUMN kind text NOT NULL DEFAULT 'user' CHECK (kind IN ('user', 'organisation')),
    ADD COLUMN real_name text,
    ADD COLUMN email text,
    -- An argon2id PHC string; without one nobody can log in by password.
    ADD COLUMN password_hash text,
    ADD CHECK (kind = 'user' OR password_hash IS NULL);

-- Who may do what in a namespace. An owner has a row like everybody else.
CREATE TABLE memberships (
    namespace text NOT NULL REFERENCES accounts (name),
    account_id bigint NOT NULL REFERENCES accounts (id),
    role text NOT NULL CHECK (role IN ('viewer', 'developer', 'admin')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, account_id)
);
CREATE INDEX memberships_of_account ON memberships (account_id);
INSERT INTO memberships (namespace, account_id, role) SELECT name, id, 'admin' FROM accounts;

ALTER TABLE tokens
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN scope text NOT NULL DEFAULT 'admin'
        CHECK (scope IN ('read', 'trigger', 'write', 'admin')),
    -- Given for a password; only the newest few of these stay valid.
    ADD COLUMN by_login boolean NOT NULL DEFAULT false;

DROP INDEX tokens_of_account;
CREATE INDEX tokens_of_account ON tokens (account_id, id) WHERE revoked_at IS NULL;

-- Secrets: sealed values that are replaced, never changed, so that an exec's
-- snapshot can name them by id. Only a new key rewrites a row.

CREATE TABLE secrets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text NOT NULL,
    -- Which of the configured keys sealed it.
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX secrets_of_key ON secrets (key_id, id);

CREATE TABLE registry_credentials (
    namespace text NOT NULL REFERENCES accounts (name),
    -- Host and port, as images name it.
    registry text NOT NULL,
    username text NOT NULL,
    password_id bigint NOT NULL REFERENCES secrets (id),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, registry)
);

-- Jobs and execs

CREATE INDEX jobs_of_namespace_by_name ON jobs (namespace, name, id) WHERE deleted_at IS NULL;
CREATE INDEX jobs_of_namespace_by_update ON jobs (namespace, updated_at, id) WHERE deleted_at IS NULL;

ALTER TABLE execs
    ADD COLUMN deleted_at timestamptz,
    -- What the trigger asked to differ from the job, as it was asked.
    ADD COLUMN overrides jsonb,
    -- The exec this one repeats; it may be gone by now.
    ADD COLUMN rerun_of uuid;
DROP INDEX execs_of_job;
-- Hidden execs cost no list anything; the second index also serves the foreign key.
CREATE INDEX execs_of_job ON execs (job_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX execs_of_job_by_state ON execs (job_id, state, created_at, id);

-- How many execs a job has: kept by triggers, so no writer can forget it, and
-- in stripes, so that writers of one job seldom wait for each other.
CREATE TABLE exec_counts (
    job_id bigint NOT NULL,
    stripe smallint NOT NULL,
    -- May be negative: what one stripe counted another may have given up.
    count bigint NOT NULL,
    PRIMARY KEY (job_id, stripe)
) WITH (fillfactor = 50);

CREATE FUNCTION count_new_execs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO exec_counts AS kept (job_id, stripe, count)
    SELECT job_id, pg_backend_pid() % 16, count(*) FROM new_execs GROUP BY job_id ORDER BY job_id
    ON CONFLICT (job_id, stripe) DO UPDATE SET count = kept.count + excluded.count;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_new_execs AFTER INSERT ON execs
    REFERENCING NEW TABLE AS new_execs FOR EACH STATEMENT EXECUTE FUNCTION count_new_execs();

CREATE FUNCTION count_hidden_exec() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO exec_counts AS kept (job_id, stripe, count)
    VALUES (NEW.job_id, pg_backend_pid() % 16, -1)
    ON CONFLICT (job_id, stripe) DO UPDATE SET count = kept.count + excluded.count;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_hidden_exec AFTER UPDATE OF deleted_at ON execs FOR EACH ROW
    WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION count_hidden_exec();

CREATE FUNCTION count_gone_execs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO exec_counts AS kept (job_id, stripe, count)
    SELECT job_id, pg_backend_pid() % 16, -count(*) FROM gone_execs
    WHERE deleted_at IS NULL GROUP BY job_id ORDER BY job_id
    ON CONFLICT (job_id, stripe) DO UPDATE SET count = kept.count + excluded.count;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_gone_execs AFTER DELETE ON execs
    REFERENCING OLD TABLE AS gone_execs FOR EACH STATEMENT EXECUTE FUNCTION count_gone_execs();

INSERT INTO exec_counts (job_id, stripe, count) SELECT job_id, 0, count(*) FROM execs GROUP BY job_id;

-- Answers to requests that carried an Idempotency-Key, kept 24 hours

CREATE TABLE idempotency_keys (
    -- Whose key it is: keys of two callers have nothing to do with each other.
    caller text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    -- A keyed digest of the request, because a body may hold a password.
    key_id text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    status smallint,
    -- The body, sealed: it may hold a token.
    answer bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Who did what: append-only

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    -- The account, and the token it used; a command of the operator has none.
    actor text NOT NULL,
    token_id bigint,
    action text NOT NULL,
    resource text NOT NULL,
    address text,
    request_id text
);
CREATE INDEX audit_log_of_namespace ON audit_log (namespace, id);

-- Grants

GRANT SELECT ON memberships, secrets, registry_credentials, exec_counts, idempotency_keys,
    audit_log TO escapement_gateway;
GRANT INSERT (kind, real_name, email, password_hash), UPDATE (real_name, email, password_hash)
    ON accounts TO escapement_gateway;
GRANT INSERT (name, scope, by_login) ON tokens TO escapement_gateway;
GRANT INSERT (namespace, account_id, role), UPDATE (role), DELETE ON memberships TO escapement_gateway;
GRANT INSERT (namespace, key_id, sealed), UPDATE (key_id, sealed), DELETE
    ON secrets TO escapement_gateway;
GRANT INSERT, UPDATE (username, password_id, updated_at), DELETE
    ON registry_credentials TO escapement_gateway;
GRANT INSERT (overrides, rerun_of), UPDATE (deleted_at) ON execs TO escapement_gateway;
GRANT INSERT, UPDATE, DELETE ON idempotency_keys TO escapement_gateway;
GRANT INSERT (namespace, actor, token_id, action, resource, address, request_id)
    ON audit_log TO escapement_gateway;

GRANT SELECT ON secrets, registry_credentials TO escapement_executor;
