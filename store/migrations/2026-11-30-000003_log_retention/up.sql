-- Logs go before their execs do. The chunks of a stream with this are gone.
ALTER TABLE log_streams ADD COLUMN removed_at timestamptz;
-- What may still go, the oldest first. No column that an append changes is in it.
CREATE INDEX log_streams_kept ON log_streams (sealed_at) WHERE removed_at IS NULL;
GRANT UPDATE (removed_at) ON log_streams TO escapement_executor;
