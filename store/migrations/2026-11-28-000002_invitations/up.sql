-- A role counts once its user has agreed to it; until then it is an invitation. Those
-- who were members without being asked stay it.
ALTER TABLE memberships ADD COLUMN accepted_at timestamptz DEFAULT now();
CREATE INDEX memberships_waiting ON memberships (account_id) WHERE accepted_at IS NULL;

GRANT INSERT (accepted_at), UPDATE (accepted_at) ON memberships TO escapement_gateway;
