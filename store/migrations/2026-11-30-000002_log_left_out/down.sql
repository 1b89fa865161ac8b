REVOKE DELETE ON log_chunks FROM escapement_logs;
ALTER TABLE log_streams DROP COLUMN left_out;
