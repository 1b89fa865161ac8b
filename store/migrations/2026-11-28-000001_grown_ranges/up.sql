-- Instants that follow one another with one fate are one entry of the ledger, which
-- grows.
GRANT UPDATE (last_at, count) ON slots TO escapement_scheduler;
