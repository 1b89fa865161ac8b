ALTER TABLE exec_attempts DROP COLUMN rules, DROP COLUMN start_recorded_at;
