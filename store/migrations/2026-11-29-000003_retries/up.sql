ALTER TABLE exec_attempts
    -- When its Job may be created, for one that follows a failed attempt.
    ADD COLUMN not_before timestamptz,
    -- When its log was given up. That of the exec is written for log-svc of before.
    ADD COLUMN logs_abandoned_at timestamptz;
UPDATE exec_attempts SET logs_abandoned_at = execs.logs_abandoned_at
    FROM execs WHERE execs.id = exec_id AND execs.logs_abandoned_at IS NOT NULL;
CREATE INDEX exec_attempts_logs_abandoned ON exec_attempts (exec_id)
    WHERE logs_abandoned_at IS NOT NULL;
