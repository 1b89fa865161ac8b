-- Whether the last line of a sealed stream had no newline: as its program wrote it,
-- or because what came after it was lost on the node, which nobody can tell.
ALTER TABLE log_streams ADD COLUMN ends_mid_line boolean NOT NULL DEFAULT false;
