-- The roles stay: they belong to the server and other databases use them.
DROP TABLE log_chunks, log_streams, slots, exec_events, exec_attempts, execs,
    schedules, jobs, tokens, accounts;
