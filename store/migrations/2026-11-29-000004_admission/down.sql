DROP TABLE queues;
REVOKE SELECT (max_running) ON jobs FROM escapement_executor;
ALTER TABLE jobs DROP COLUMN max_running;
DROP INDEX execs_admitted;
DROP INDEX execs_queued;
