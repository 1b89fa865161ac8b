ALTER TABLE exec_attempts
    DROP COLUMN obstacle,
    DROP COLUMN obstacle_message,
    DROP COLUMN obstacle_since;
