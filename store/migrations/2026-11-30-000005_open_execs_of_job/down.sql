CREATE INDEX execs_open_of_job ON execs (job_id) WHERE state IN ('waiting', 'running');
