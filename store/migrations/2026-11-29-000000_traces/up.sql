-- Where the exec's caller is in a distributed trace, as W3C's traceparent; null where
-- nobody said so.
ALTER TABLE execs ADD COLUMN traceparent text;
GRANT INSERT (traceparent) ON execs TO escapement_gateway;
