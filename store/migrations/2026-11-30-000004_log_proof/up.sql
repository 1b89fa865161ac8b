-- Of a sealed log: whether its program has proved that these are all its lines.
ALTER TABLE log_streams ADD COLUMN proven boolean NOT NULL DEFAULT false;
