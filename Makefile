# The front door. Each target is one or two commands; the work is in devstack/.
.DEFAULT_GOAL := help
.PHONY: help up down status test e2e fuzz alerts chart images compose-test helm-test bench-executor bench-failover bench-trigger bench-follow bench-flood bench-logs bench-admission bench-lists bench-purge bench-schedules oracle prove-logs prove-ends hostile lint clean

# Built together with everything else: built alone, it would have dependencies of its own.
BUILD := cargo build --workspace --bins
DEVSTACK := $(or $(CARGO_TARGET_DIR),target)/debug/devstack
WITH_ALL := $(DEVSTACK) with postgres rabbitmq kubernetes python --
# A ring is four services; more of them at once than this overload two cores.
E2E_THREADS ?= 2
# All packages are selected so that nothing is built a second time. Whose program ends while
# the runtime is away cannot be told how, so that test of all is alone.
RING_TESTS := cargo test --workspace --test ring -- --test-threads=$(E2E_THREADS)
RING := $(RING_TESTS) --skip containerd && $(RING_TESTS) containerd
# What the services asked the cluster for, against what they may.
RIGHTS := cargo test --workspace --test rights
FUZZ := $(dir $(DEVSTACK))fuzz
# Built like a release; BENCH may hold options of a benchmark.
MEASURED := $(or $(CARGO_TARGET_DIR),target)/measured
BENCH ?=
DASHBOARDS := deploy/helm/escapement/dashboards/escapement.json
RULES_OF_DASHBOARDS := $(or $(CARGO_TARGET_DIR),target)/dashboards.yml
ORACLE := $(or $(CARGO_TARGET_DIR),target)/oracle-venv

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## start everything on this machine and run a first job
	$(BUILD)
	@$(DEVSTACK) up

down: ## stop everything `up` started; data stays
	@test -x $(DEVSTACK) || $(BUILD)
	@$(DEVSTACK) down

status: ## say what runs
	@test -x $(DEVSTACK) || $(BUILD)
	@$(DEVSTACK) status

test: ## all tests, on a real Postgres, RabbitMQ and Kubernetes of their own
	$(BUILD)
	$(WITH_ALL) sh -c 'cargo test --workspace --exclude e2e --no-fail-fast && $(FUZZ) --seed 1 && $(RING) && $(RIGHTS)'

e2e: ## only the tests of the whole ring
	$(BUILD)
	$(WITH_ALL) sh -c '$(RING) && $(RIGHTS)'

fuzz: ## fuzz a real gateway from its OpenAPI document
	$(BUILD)
	@$(DEVSTACK) with postgres rabbitmq python -- $(FUZZ)

compose-test: ## start docker-compose.yml beside a Kubernetes of its own
	deploy/compose/test

helm-test: ## install the chart, then scale, roll, upgrade and roll back under load
	deploy/helm/install-test

bench-admission: ## 300 execs at once where 20 may run, of a big and a small namespace
	$(BUILD)
	@ADMISSION="20 270 30" $(WITH_ALL) cargo test --workspace --test ring -- --nocapture \
	    a_region_runs

bench-executor: ## execs beside bare Jobs and CronJobs, with fake nodes and real ones
	cargo build --workspace --bins --profile measured
	cd deploy/kwok && CGO_ENABLED=0 go build -trimpath -o $(abspath $(MEASURED))/ tool
	@$(MEASURED)/devstack with postgres rabbitmq kubernetes -- $(MEASURED)/bench-executor \
	    --kwok $(MEASURED)/kwok $(BENCH)

bench-failover: ## one of three replicas of each service is killed under load, a fourth comes
	cargo build --workspace --bins --profile measured
	@$(MEASURED)/devstack with postgres rabbitmq kubernetes -- $(MEASURED)/bench-failover $(BENCH)

bench-trigger: ## triggers a second beside pgbench and job queues; CPU of each; half speed
	cargo build --workspace --bins --profile measured
	@$(MEASURED)/devstack with postgres rabbitmq python -- $(MEASURED)/bench-trigger $(BENCH)

bench-follow: ## time lines on their way to followers beside kubectl; the cost of silent ones
	cargo build --workspace --bins --profile measured
	@$(MEASURED)/devstack with postgres rabbitmq kubernetes -- $(MEASURED)/bench-follow $(BENCH)

bench-flood: ## one program prints without a pause: what others wait, what services hold
	cargo build --workspace --bins --profile measured
	@$(MEASURED)/devstack with postgres rabbitmq kubernetes -- $(MEASURED)/bench-flood $(BENCH)

prove-logs: ## cut every connection of log-svc at random: what is stored is what was printed
	$(BUILD)
	@$(DEVSTACK) with postgres rabbitmq kubernetes -- $(dir $(DEVSTACK))prove-logs $(BENCH)

prove-ends: ## logs whose last lines the node loses, by Debian's containerd: which say so
	$(BUILD)
	@ESCAPEMENT_DEVSTACK_CONTAINERD=debian $(DEVSTACK) with postgres rabbitmq kubernetes -- \
	    $(dir $(DEVSTACK))prove-ends $(BENCH)

bench-logs: ## logs in chunks against a row a line: storing, size, last lines, a needle
	cargo build --workspace --bins --profile measured
	@$(MEASURED)/devstack with postgres -- cargo bench --workspace --profile measured --bench logs

bench-lists: ## time the first page of a million execs against one far down
	$(BUILD)
	@$(DEVSTACK) with postgres rabbitmq -- $(dir $(DEVSTACK))bench-lists

bench-purge: ## time triggers while a million old execs are removed
	cargo build --workspace --bins --profile measured
	@$(MEASURED)/devstack with postgres rabbitmq kubernetes -- $(MEASURED)/bench-purge $(BENCH)

bench-schedules: ## time due and idle schedules against a probe and APScheduler
	cargo build --workspace --bins --profile measured
	@$(MEASURED)/devstack with postgres rabbitmq python -- $(MEASURED)/bench-schedules $(BENCH)

oracle: ## 10,000 random schedules against croniter and dateutil
	cargo build -p recurrence --example instants
	python3 -m venv $(ORACLE)
	$(ORACLE)/bin/pip install --quiet --disable-pip-version-check -r recurrence/oracle/requirements.txt
	@PYTHONTZPATH= $(ORACLE)/bin/python recurrence/oracle/compare.py \
	    $(dir $(DEVSTACK))examples/instants $(BENCH)

hostile: ## one hostile client: what others feel of it, and the gateway's peak memory
	cargo build --workspace --bins --profile measured
	@$(MEASURED)/devstack with postgres rabbitmq -- $(MEASURED)/hostile $(BENCH)

alerts: ## check the alert rules and the dashboards with promtool
	@command -v promtool >/dev/null || apt-get install -y --no-install-recommends prometheus
	promtool check rules deploy/helm/escapement/prometheus/rules.yml
	promtool test rules deploy/helm/escapement/prometheus/rules_test.yml
	@# What panels ask, as rules that only have to be read.
	@{ echo 'groups: [{ name: dashboards, rules: ['; \
	  sed -n 's/ *"expr": \(".*"\),*$$/{ record: "a:panel", expr: \1 },/p' $(DASHBOARDS) | \
	      sed 's/$$__rate_interval/5m/g'; echo ']}]'; } >$(RULES_OF_DASHBOARDS)
	promtool check rules --lint=none $(RULES_OF_DASHBOARDS)

chart: ## check the Helm chart: lint, tests of its templates, Kubernetes' schemas
	deploy/helm/check

images: ## build the image of the services, also where no registry can be reached
	deploy/images/build

lint: ## formatting, clippy, dependencies (unused, rules, advisories), go vet
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo machete --version >/dev/null 2>&1 || cargo install --locked cargo-machete
	cargo machete
	cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	cargo deny check --allow unused-wrapper bans licenses sources
	@if cargo deny fetch db >/dev/null 2>&1; then cargo deny check advisories; \
	else echo "advisories not checked: their database cannot be reached (docs/SECURITY.md)"; fi
	cd deploy/dev-kubernetes && CGO_ENABLED=0 go vet -trimpath .

clean: down ## stop everything and delete its data and the build
	rm -rf .dev
	cargo clean
