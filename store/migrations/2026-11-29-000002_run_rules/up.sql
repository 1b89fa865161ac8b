ALTER TABLE exec_attempts
    -- How long it may run and what follows when it fails, shared_types::RunRules: copied
    -- from the exec's spec when it begins, so that sweeps need not read that.
    ADD COLUMN rules jsonb NOT NULL DEFAULT '{}',
    -- When its start was recorded: started_at is by the clock of a node.
    ADD COLUMN start_recorded_at timestamptz;
