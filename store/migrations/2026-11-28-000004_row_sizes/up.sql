-- How long the large values of a row are as JSON, so that a page of a list can end before
-- it is too large, without these values being read.
ALTER TABLE jobs
    ADD COLUMN bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(spec::text)) STORED;
ALTER TABLE schedules
    ADD COLUMN bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(rules::text)) STORED;
ALTER TABLE execs
    ADD COLUMN bytes integer NOT NULL GENERATED ALWAYS AS
        (octet_length(spec::text) + coalesce(octet_length(overrides::text), 0)) STORED;
