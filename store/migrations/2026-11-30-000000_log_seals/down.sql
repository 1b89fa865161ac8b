ALTER TABLE log_streams DROP COLUMN digest_state, DROP COLUMN sha256, DROP COLUMN gaps;
