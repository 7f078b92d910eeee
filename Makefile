# `make demo` and `make test` are all you need. Each sets up the environment first.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
PYTHON := .venv/bin/python
READY := .venv/.ready
STORES := .build/stores/.ready
DEMO ?= demo

.PHONY: help setup stores demo test test-fast test-cluster lint types format lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 21

setup: $(READY) ## Create .venv with every locked dependency

stores: $(STORES) ## Create .build/stores with the object stores of the tests

demo: $(READY) ## Run everything on sample videos: pipeline, server, one separated mixture
	$(PYTHON) -m pipeline demo --output $(DEMO)

test: $(READY) $(STORES) ## Run every test
	$(PYTHON) -m pytest

test-fast: $(READY) ## Run the tests that are not marked slow
	$(PYTHON) -m pytest -m "not slow"

test-cluster: $(READY) $(STORES) ## Run the tests of engines on the job server at JOB_ENDPOINT=HOST:PORT
	@test -n "$(JOB_ENDPOINT)" || { echo "error: JOB_ENDPOINT: must be HOST:PORT, got ''" >&2; exit 1; }
	JOB_ENDPOINT="$(JOB_ENDPOINT)" JOB_OPTIONS="$(JOB_OPTIONS)" $(PYTHON) -m pytest \
	  --numprocesses 0 tests/engines -k "portable or on_a_job_server"

lint: $(READY) ## Check style and formatting
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: $(READY) ## Check types
	.venv/bin/mypy

format: $(READY) ## Fix style and formatting
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

lock: .build/uv ## Resolve the dependencies again into requirements.lock
	.build/uv pip compile --quiet --upgrade --python-version 3.11 --all-extras --generate-hashes \
	  --no-header --no-annotate --output-file requirements.lock pyproject.toml
	.build/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --output-file tests/engines/stores.lock tests/engines/stores.in

clean: ## Remove the environment and the demo
	rm -rf .venv .build $(DEMO)

# The stamp comes last, so that an interrupted setup starts over.
$(READY): requirements.lock pyproject.toml | .build/uv
	@command -v c++ >/dev/null || \
	  { echo "error: C++ compiler not found (Debian, Ubuntu: apt install g++)" >&2; exit 1; }
	test -x $(PYTHON) || .build/uv venv --quiet --seed --python 3.11 .venv
	VIRTUAL_ENV=.venv .build/uv pip sync --quiet requirements.lock
	VIRTUAL_ENV=.venv .build/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@# Write the bytecode once. Loading TensorFlow without it takes three times as long, in every
	@# process, where the environment forbids Python to write any.
	@env -u PYTHONDONTWRITEBYTECODE TF_CPP_MIN_LOG_LEVEL=3 $(PYTHON) -W ignore \
	  -c "import components.evaluation.mean_scalars, models.training.train, pipeline.create" \
	  2>.build/import.log || { cat .build/import.log >&2; exit 1; }
	touch $@

# They need another protobuf than TensorFlow.
$(STORES): tests/engines/stores.lock | .build/uv
	test -x .build/stores/bin/python || .build/uv venv --quiet --python 3.11 .build/stores
	VIRTUAL_ENV=.build/stores .build/uv pip sync --quiet tests/engines/stores.lock
	touch $@

# uv comes from PyPI, through venv or pip, whichever this Python has.
.build/uv:
	@command -v python3 >/dev/null || \
	  { echo "error: Python 3 not found (Debian, Ubuntu: apt install python3)" >&2; exit 1; }
	@python3 -c "import ensurepip" 2>/dev/null || python3 -m pip --version >/dev/null 2>&1 || \
	  { echo "error: pip and venv not found (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@mkdir -p .build
	@if python3 -c "import ensurepip" 2>/dev/null; then \
	  python3 -m venv .build/tools && .build/tools/bin/pip install --quiet uv==$(UV_VERSION) && \
	  ln -sf tools/bin/uv $@; \
	else \
	  python3 -m pip install --quiet --target .build/tools uv==$(UV_VERSION) && \
	  ln -sf tools/bin/uv $@; \
	fi
