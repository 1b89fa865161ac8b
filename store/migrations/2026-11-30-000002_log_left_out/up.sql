-- Of a log that is larger than may be kept: what was left out between its beginning and its
-- end. Null where nothing was.
ALTER TABLE log_streams ADD COLUMN left_out jsonb;
GRANT DELETE ON log_chunks TO escapement_logs;
