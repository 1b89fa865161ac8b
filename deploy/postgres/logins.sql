-- A login for each service, which has the rights of that service and no others. Run it
-- once, before `api-gateway migrate`, as whoever may make roles; `migrate` then gives
-- each role its rights. These passwords are for a trial on one machine.

CREATE ROLE escapement_gateway   LOGIN PASSWORD 'escapement';
CREATE ROLE escapement_scheduler LOGIN PASSWORD 'escapement';
CREATE ROLE escapement_executor  LOGIN PASSWORD 'escapement';
CREATE ROLE escapement_logs      LOGIN PASSWORD 'escapement';
