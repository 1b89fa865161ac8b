REVOKE SELECT ON secrets FROM escapement_logs;
