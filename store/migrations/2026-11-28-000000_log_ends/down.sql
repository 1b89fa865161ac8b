ALTER TABLE log_streams DROP COLUMN ends_mid_line;
