DROP TABLE audit_log, idempotency_keys, registry_credentials, secrets, memberships;
DROP TRIGGER count_new_execs ON execs;
DROP TRIGGER count_hidden_exec ON execs;
DROP TRIGGER count_gone_execs ON execs;
DROP FUNCTION count_new_execs, count_hidden_exec, count_gone_execs;
DROP TABLE exec_counts;
DROP INDEX execs_of_job, execs_of_job_by_state;
CREATE INDEX execs_of_job ON execs (job_id, id);
ALTER TABLE execs DROP COLUMN deleted_at, DROP COLUMN overrides, DROP COLUMN rerun_of;
DROP INDEX jobs_of_namespace_by_name, jobs_of_namespace_by_update;
DROP INDEX tokens_of_account;
CREATE INDEX tokens_of_account ON tokens (account_id);
ALTER TABLE tokens DROP COLUMN name, DROP COLUMN scope, DROP COLUMN by_login;
ALTER TABLE accounts DROP COLUMN kind, DROP COLUMN real_name, DROP COLUMN email,
    DROP COLUMN password_hash;
