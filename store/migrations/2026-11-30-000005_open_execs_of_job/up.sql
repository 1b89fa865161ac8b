-- The open execs of a job are found by execs_of_job_by_state as well, which every new exec is
-- written to anyway. A version before this one finds them so, too.
DROP INDEX execs_open_of_job;
