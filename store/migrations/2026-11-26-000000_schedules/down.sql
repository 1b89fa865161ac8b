DROP TABLE members, leases;

-- What the older schema has no words for.
DELETE FROM slots WHERE backfill_id <> 0 OR outcome NOT IN ('fired', 'skipped', 'missed');
DROP INDEX slots_ranges, slots_queued;
ALTER TABLE slots
    DROP CONSTRAINT slots_pkey,
    DROP CONSTRAINT slots_outcome_check,
    DROP CONSTRAINT slots_check1,
    DROP CONSTRAINT slots_check2,
    DROP CONSTRAINT slots_check3,
    DROP CONSTRAINT slots_check4,
    DROP COLUMN backfill_id,
    DROP COLUMN lane,
    ADD PRIMARY KEY (job_id, generation, first_at),
    ADD CHECK (outcome IN ('fired', 'skipped', 'missed')),
    ADD CHECK ((outcome = 'fired') = (exec_id IS NOT NULL)),
    ADD CHECK ((outcome = 'fired') = (reason IS NULL)),
    ADD CHECK (outcome <> 'fired' OR count = 1);
DROP TABLE backfills;
ALTER TABLE execs DROP COLUMN lane;

DROP TRIGGER keep_generation ON schedules;
DROP FUNCTION keep_generation;
DROP TABLE schedule_history;
DROP INDEX schedules_due, schedules_changed;
ALTER TABLE schedules
    DROP COLUMN rules,
    DROP COLUMN anchor,
    DROP COLUMN due_at,
    DROP COLUMN shard,
    ADD COLUMN zone text NOT NULL DEFAULT 'UTC';
CREATE INDEX schedules_due ON schedules (next_at) WHERE active AND next_at IS NOT NULL;
CREATE INDEX schedules_changed ON schedules (job_id) WHERE observed_generation <> generation;
GRANT INSERT (zone), UPDATE (zone) ON schedules TO escapement_gateway;
