-- What is old or deleted goes, in small batches, by executor-svc.

-- An entry of the ledger may outlive its exec; to look for it at each exec that goes
-- would read the whole ledger.
ALTER TABLE slots DROP CONSTRAINT slots_exec_id_fkey;

CREATE INDEX execs_deleted ON execs (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX jobs_deleted ON jobs (deleted_at) WHERE deleted_at IS NOT NULL;

GRANT DELETE ON execs, exec_attempts, exec_events, log_streams, log_chunks, jobs, schedules,
    schedule_history, backfills, slots, exec_counts, secrets, tokens
    TO escapement_executor;
GRANT SELECT ON log_chunks, schedules, schedule_history, backfills, slots, exec_counts
    TO escapement_executor;
GRANT SELECT (id, namespace, deleted_at, spec) ON jobs TO escapement_executor;
GRANT SELECT (id, expires_at, revoked_at) ON tokens TO escapement_executor;
