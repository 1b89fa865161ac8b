-- log-svc hides the values of secret variables in what it stores.
GRANT SELECT ON secrets TO escapement_logs;
