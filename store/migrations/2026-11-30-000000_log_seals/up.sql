-- What is known of a log when it is sealed. Streams that a version before this one wrote,
-- or wrote on, have no digest.
ALTER TABLE log_streams
    -- The digest so far, of the lines before the one it names; while the stream is open.
    ADD COLUMN digest_state bytea,
    -- SHA-256 of the program's lines, each with its newline.
    ADD COLUMN sha256 bytea,
    -- The first places where the node had discarded lines.
    ADD COLUMN gaps jsonb NOT NULL DEFAULT '[]';
