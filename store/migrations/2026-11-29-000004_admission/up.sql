-- Which waiting execs may begin: as many as a region, a namespace and a job let run.

-- Those that no executor has admitted, in the order of their namespaces.
CREATE INDEX execs_queued ON execs (region, namespace, lane DESC, id) INCLUDE (job_id)
    WHERE state = 'waiting' AND attempt = 0 AND cancel_requested_at IS NULL;
-- Those that hold a place.
CREATE INDEX execs_admitted ON execs (region, namespace, job_id)
    WHERE state IN ('waiting', 'running') AND attempt > 0;

ALTER TABLE jobs
    -- How many of its execs hold a place at most.
    ADD COLUMN max_running integer;
CREATE INDEX jobs_limited ON jobs (id) WHERE max_running IS NOT NULL;
GRANT INSERT (max_running), UPDATE (max_running) ON jobs TO escapement_gateway;
GRANT SELECT (max_running) ON jobs TO escapement_executor;

-- What holds the execs of a namespace back in a region, for people; executor-svc's.
CREATE TABLE queues (
    region text NOT NULL,
    namespace text NOT NULL,
    held_by text CHECK (held_by IN ('region', 'namespace', 'start_rate')),
    -- How many execs that bound lets run, or start in a minute.
    bound integer,
    -- Where its starts are on the scale of its start rate.
    paced_until timestamptz,
    PRIMARY KEY (region, namespace)
);
GRANT SELECT, INSERT, UPDATE ON queues TO escapement_executor;
GRANT SELECT ON queues TO escapement_gateway;
