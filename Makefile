# `make demo` and `make test` are all you need. Each sets up the environment first.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
# The set of locked packages, 1.16 or 1.21; see locks/choose_stack.py for what is chosen without it.
STACK ?=
PYTHON := .venv/bin/python
READY := .venv/.ready
STORES := .build/stores/.ready
DEMO ?= demo
RESOLVE := --quiet --upgrade --python-version 3.11 --python-platform x86_64-manylinux_2_39 \
  --generate-hashes --no-header --no-annotate

.PHONY: FORCE help setup stacks stores demo test test-fast test-cluster lint types format lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 21

setup: $(READY) ## Create .venv with every locked dependency of the newest stack, or of STACK

stacks: $(READY) ## Create .build/stacks with the other stacks that run here, for the tests across stacks
	@for stack in $$(python3 locks/choose_stack.py --supported); do \
	  test $$stack = $$(cat .build/stack) || $(MAKE) --no-print-directory .build/stacks/$$stack/.ready; \
	done

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

# A constraint chooses one of the versions that fit; an override replaces what packages require.
lock: .build/uv ## Resolve the dependencies again into locks/
	for stack in locks/*.constraints; do \
	  stack=$${stack%.constraints}; \
	  .build/uv pip compile $(RESOLVE) --all-extras --constraints $$stack.constraints \
	    --overrides $$stack.overrides --output-file $$stack.lock pyproject.toml; \
	done
	.build/uv pip compile $(RESOLVE) --output-file tests/engines/stores.lock tests/engines/stores.in

clean: ## Remove the environment and the demo
	rm -rf .venv .build $(DEMO)

# Install a stack: $(call install,ENVIRONMENT,VERSION). The stamp comes last, so that an interrupted
# setup starts over.
define install
	@command -v c++ >/dev/null || \
	  { echo "error: C++ compiler not found (Debian, Ubuntu: apt install g++)" >&2; exit 1; }
	@test -x $(1)/bin/python -a "$$(cat $(1)/.stack 2>/dev/null)" = "$(2)" || \
	  .build/uv venv --quiet --clear --seed --python 3.11 $(1) || \
	  { echo "error: Python 3.11: uv found and downloaded none, or cannot write to $(1); see above" >&2; exit 1; }
	@$(1)/bin/python -c "import os, sysconfig as s; open(os.path.join(s.get_path('include'), 'Python.h'))" 2>/dev/null || \
	  { echo "error: Python.h not found (Debian, Ubuntu: apt install python3-dev)" >&2; exit 1; }
	echo "$(2)" >$(1)/.stack
	VIRTUAL_ENV=$(1) .build/uv pip sync --quiet locks/tfx-$(2).lock
	VIRTUAL_ENV=$(1) .build/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@# Write the bytecode once. Loading TensorFlow without it takes three times as long, in every
	@# process, where the environment forbids Python to write any.
	@env -u PYTHONDONTWRITEBYTECODE TF_CPP_MIN_LOG_LEVEL=3 $(1)/bin/python -W ignore \
	  -c "import components.evaluation.mean_scalars, models.training.train, pipeline.create" \
	  2>.build/import.log || { cat .build/import.log >&2; exit 1; }
	touch $(1)/.ready
endef

$(READY): .build/stack $(wildcard locks/*.lock) pyproject.toml | .build/uv
	$(call install,.venv,$(shell cat .build/stack))

.build/stacks/%/.ready: locks/tfx-%.lock pyproject.toml | .build/uv
	$(call install,.build/stacks/$*,$*)

# Changes only if the choice does, or if `.venv` has lost its Python; `.venv` is then made again.
.build/stack: FORCE | .build/uv
	@python3 locks/choose_stack.py $@ .venv $(STACK)
	@test -x $(PYTHON) || touch $@

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
