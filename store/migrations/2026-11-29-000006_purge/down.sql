REVOKE SELECT (id, expires_at, revoked_at) ON tokens FROM escapement_executor;
REVOKE SELECT (namespace, deleted_at, spec) ON jobs FROM escapement_executor;
REVOKE SELECT ON log_chunks, schedules, schedule_history, backfills, slots, exec_counts
    FROM escapement_executor;
REVOKE DELETE ON execs, exec_attempts, exec_events, log_streams, log_chunks, jobs, schedules,
    schedule_history, backfills, slots, exec_counts, secrets, tokens
    FROM escapement_executor;
DROP INDEX jobs_deleted;
DROP INDEX execs_deleted;
UPDATE slots SET exec_id = NULL, outcome = 'skipped', reason = 'purged'
    WHERE exec_id IS NOT NULL AND NOT EXISTS (SELECT FROM execs WHERE execs.id = slots.exec_id);
ALTER TABLE slots ADD CONSTRAINT slots_exec_id_fkey FOREIGN KEY (exec_id) REFERENCES execs (id);
