REVOKE SELECT (id, name) ON jobs FROM escapement_executor;
