# The whole developer interface. `make help` lists it.
PY      ?= python3
PORT    ?= 8080
DATA    ?= data
SAMPLE  ?= yes
WORKERS ?= 3
BROKERS ?= 1
MEMBERS ?= 1
KILLS   ?= 150
STEPS   ?= 100000
SEED    ?= 1
ROUNDS  ?= 7
NEW     ?= HEAD
BIN     := .venv/bin
ALL_FAULTS = $(shell $(BIN)/python -c 'from tests.faults.full.faults import FAULTS; print(",".join(FAULTS))')
NIGHTLY_RECORD ?= /tmp/huiyin-nightly.jsonl

.DEFAULT_GOAL := help
.PHONY: help up test nightly check chaos model servers bench bench-compare bench-full passwords pin-images vendor lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

up: .venv/run ## Start all four services in one process (PORT=8080 DATA=data SAMPLE=yes|no)
	@$(BIN)/huiyin serve --data "$(DATA)" --port "$(PORT)" --sample "$(SAMPLE)"

test: .venv/dev ## Run the tests, without those of `make nightly` (WORKERS=3: in so many processes)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not nightly"

nightly: .venv/dev ## Run what is too long for CI: all tests with a long model and many kills, then every fault of the full mode (SEED)
	@CI=true HUIYIN_MODEL_STEPS=$(STEPS) HUIYIN_KILLS=$(KILLS) HUIYIN_FILE_KILLS=1000 \
		HUIYIN_FOLLOWERS=1000 HUIYIN_IMPORT_KILLS=10 HUIYIN_OPENAPI_EXAMPLES=25 HUIYIN_SIMULATED_CASES=200 HUIYIN_COUNTY=500 HUIYIN_QUIET=1 HUIYIN_SEED=$(SEED) \
		$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=20
	@$(BIN)/python -m tests.faults.full --faults $(or $(FAULTS),$(ALL_FAULTS)) --seed $(SEED) --brokers 3 --members 3 \
		--record "$(NIGHTLY_RECORD)"

check: .venv/dev ## Lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

chaos: .venv/dev ## Break things under load: one process (KILLS=150 SEED=1), or the full mode (FAULTS=R05,R13 or MINUTES=60; SEED, BROKERS, MEMBERS)
ifneq ($(FAULTS)$(MINUTES),)
	@$(BIN)/python -m tests.faults.full --faults "$(FAULTS)" --minutes "$(or $(MINUTES),0)" --seed $(SEED) --brokers $(BROKERS) --members $(MEMBERS)
else
	@HUIYIN_KILLS=$(KILLS) HUIYIN_SEED=$(SEED) $(BIN)/pytest tests/faults -s --ignore=tests/faults/full
endif

servers: .venv/dev ## Start a real Kafka and MongoDB for tests, until Ctrl-C (BROKERS=1|3 MEMBERS=1|3)
	@$(BIN)/python -m tests.support.servers --brokers $(BROKERS) --members $(MEMBERS)

model: .venv/dev ## Random commands against the table of transitions (STEPS=100000 SEED=1)
	@HUIYIN_MODEL_STEPS=$(STEPS) HUIYIN_SEED=$(SEED) $(BIN)/pytest tests/property

bench: .venv/dev ## Measure, beside a peer and a limit, in one run
	@$(BIN)/python -m bench

bench-compare: .venv/dev ## Which lines are slower in NEW than in OLD (two commits; ONLY=fold,due ROUNDS=7; 7 rounds take some 15 min, SIZE=whole hours)
	@$(BIN)/python -m bench.compare "$(OLD)" "$(NEW)" --only "$(ONLY)" --rounds $(ROUNDS) $(if $(filter whole,$(SIZE)),--whole)

bench-full: .venv/dev ## Measure the full mode on a real Kafka and MongoDB, beside bare clients (ONLY=visible RATES=10,25,50 QUICK=yes)
	@$(BIN)/python -m bench.full $(if $(ONLY),--only "$(ONLY)") $(if $(RATES),--rates "$(RATES)") $(if $(QUICK),--quick)

passwords: ## Make the passwords of docker-compose.yml in the folder `secrets`, once
	@sh deploy/compose/passwords.sh secrets

pin-images: .venv/run ## Write the digests of the images of docker-compose.yml to .env (needs the registries)
	@$(BIN)/python -m deploy.compose.pin_images

vendor: .venv/run ## Fetch the files of npm packages that pages and tests load (deploy/vendor.json; needs npm)
	@$(BIN)/python -m deploy.vendor

lock: ## Renew the lock files from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra pdf pyproject.toml -o requirements-pdf.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --group dev pyproject.toml -o requirements-dev.lock

clean: ## Remove the environment and caches (never a data folder)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "huiyin needs Python 3.11 or newer; name one with PY=/path/to/python3"; exit 1; }
	@$(PY) -m venv .venv

.venv/run: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing the locked packages into .venv ..."
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q services shared deploy
	@touch $@

.venv/dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@echo "installing the locked packages for development into .venv ..."
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q services shared deploy
	@touch $@
