REVOKE UPDATE (last_at, count) ON slots FROM escapement_scheduler;
