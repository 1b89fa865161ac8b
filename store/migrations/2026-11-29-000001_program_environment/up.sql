-- A program is told the name of its job.
GRANT SELECT (id, name) ON jobs TO escapement_executor;
