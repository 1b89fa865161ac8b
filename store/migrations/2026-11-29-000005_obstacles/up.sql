ALTER TABLE exec_attempts
    -- What keeps it from running, where more is known than how far it has come:
    -- shared_types::Phase, the same for people, and since when.
    ADD COLUMN obstacle text,
    ADD COLUMN obstacle_message text,
    ADD COLUMN obstacle_since timestamptz;
