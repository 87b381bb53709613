# Hyper Registry. `make demo` fills a registry from this machine and asks it; `make test` tests it.
PYTHON ?= python3
# What the demo registers: the software of this machine, or the whole package index (apt).
CATALOG ?= machine
VENV := .venv
BIN := $(VENV)/bin
export HYPER_REGISTRY_HOME ?= $(CURDIR)/.hyper-registry
export RAY_AUTH_MODE ?= token
REGISTRY := $(BIN)/hyper-registry
SOURCES := cli cluster serve_app jobs hyper_registry index configs benchmarks tests

.PHONY: demo up down status test bench-api bench-registry bench-relevance check format lint types contracts clean

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$$(grep '^torch==' requirements.lock)"
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: $(VENV)/installed
	$(REGISTRY) demo --catalog $(CATALOG)

up down status: $(VENV)/installed
	$(REGISTRY) $@

test: $(VENV)/installed
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered $(ARGS)

bench-api: $(VENV)/installed
	$(BIN)/python -m benchmarks.api $(ARGS)

bench-registry: $(VENV)/installed
	$(BIN)/python -m benchmarks.registry $(ARGS)

bench-relevance: $(VENV)/installed
	$(BIN)/python -m benchmarks.relevance $(ARGS)

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
	$(BIN)/python -m cluster.ray_yaml ray-cluster.yaml

check: lint types contracts test

clean:
	rm -rf build dist *.egg-info .coverage .pytest_cache .ruff_cache .hypothesis .import_linter_cache
