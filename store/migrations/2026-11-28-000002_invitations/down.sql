DELETE FROM memberships WHERE accepted_at IS NULL;
ALTER TABLE memberships DROP COLUMN accepted_at;
