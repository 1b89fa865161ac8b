ALTER TABLE execs DROP COLUMN traceparent;
