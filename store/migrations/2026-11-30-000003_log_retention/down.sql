REVOKE UPDATE (removed_at) ON log_streams FROM escapement_executor;
DROP INDEX log_streams_kept;
ALTER TABLE log_streams DROP COLUMN removed_at;
