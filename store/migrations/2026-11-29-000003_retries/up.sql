ALTER TABLE exec_attempts
    -- When its Job may be created, for one that follows a failed attempt.
    ADD COLUMN not_before timestamptz,
    -- When its log was given up. The exec's says that one of its attempts' was.
    ADD COLUMN logs_abandoned_at timestamptz;
