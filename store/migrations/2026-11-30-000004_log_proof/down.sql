ALTER TABLE log_streams DROP COLUMN proven;
