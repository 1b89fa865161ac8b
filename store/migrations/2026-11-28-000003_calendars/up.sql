-- Dates that schedules of a namespace name together: holidays. A schedule holds a copy
-- in its rules, so that each of its generations says for ever what it meant.
CREATE TABLE calendars (
    namespace text NOT NULL REFERENCES accounts (name),
    name text NOT NULL,
    dates text[] NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, name)
);

GRANT SELECT, INSERT, UPDATE (dates, updated_at), DELETE ON calendars TO escapement_gateway;
