ALTER TABLE exec_attempts DROP COLUMN not_before, DROP COLUMN logs_abandoned_at;
