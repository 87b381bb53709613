# Hyper Registry. `make demo` runs the main job on this machine; `make test` passes the tests.
PYTHON ?= python3
CATALOG ?= machine
VENV := .venv
BIN := $(VENV)/bin
export HYPER_REGISTRY_HOME ?= $(CURDIR)/.hyper-registry
export RAY_AUTH_MODE ?= token
REGISTRY := $(BIN)/hyper-registry
SOURCES := cli cluster serve_app jobs hyper_registry index configs tests benchmarks

.PHONY: demo up down status test check format lint types contracts bench-api clean

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$$(grep '^torch==' requirements.lock)"
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: $(VENV)/installed
	@$(REGISTRY) demo --catalog $(CATALOG)

up down status: $(VENV)/installed
	@$(REGISTRY) $@

test: $(VENV)/installed
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered $(ARGS)

format: $(VENV)/installed
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: $(VENV)/installed
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: $(VENV)/installed
	$(BIN)/basedpyright

contracts: $(VENV)/installed
	$(BIN)/lint-imports

check: lint types contracts test

bench-api: $(VENV)/installed
	@$(BIN)/python -m benchmarks.api

clean:
	rm -rf build dist *.egg-info .coverage .pytest_cache .ruff_cache .hypothesis .import_linter_cache
