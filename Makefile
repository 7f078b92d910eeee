# Two commands do all: `make demo` and `make test`. Each sets up what is missing first.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
PYTHON := .venv/bin/python
READY := .venv/.ready
DEMO ?= demo

.PHONY: help setup demo test lint format lock clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: $(READY) ## Make .venv with every dependency, as locked

demo: $(READY) ## Sample videos, pipeline, server, one mixture taken apart: all in $(DEMO)/
	$(PYTHON) -m pipeline demo --output $(DEMO)

test: $(READY) ## Run the tests
	$(PYTHON) -m pytest

lint: $(READY) ## Check style and format
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: $(READY) ## Mend style and format
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: .build/uv ## Resolve the dependencies anew into requirements.lock
	.build/uv pip compile --quiet --upgrade --python-version 3.11 --all-extras --generate-hashes \
	  --no-header --no-annotate --output-file requirements.lock pyproject.toml

clean: ## Remove the environment and the demo
	rm -rf .venv .build $(DEMO)

# The stamp comes last, so that an interrupted set-up is taken up again.
$(READY): requirements.lock pyproject.toml | .build/uv
	@command -v c++ >/dev/null || \
	  { echo "error: a C++ compiler is needed (Debian, Ubuntu: apt install g++)" >&2; exit 1; }
	test -x $(PYTHON) || .build/uv venv --quiet --seed --python 3.11 .venv
	VIRTUAL_ENV=.venv .build/uv pip sync --quiet requirements.lock
	VIRTUAL_ENV=.venv .build/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@# Python compiles what it imports first: here, once, and not in every process where it is told
	@# to write no bytecode. To load TensorFlow takes three times as long without.
	@env -u PYTHONDONTWRITEBYTECODE TF_CPP_MIN_LOG_LEVEL=3 $(PYTHON) -W ignore -c "import components.evaluation.mean_scalars, models.training.fit, pipeline.create" 2>.build/import.log || { cat .build/import.log >&2; exit 1; }
	touch $@

# uv comes from the Python package index, by whichever of Python's own ways is there.
.build/uv:
	@command -v python3 >/dev/null || \
	  { echo "error: Python 3 is needed (Debian, Ubuntu: apt install python3)" >&2; exit 1; }
	@python3 -c "import ensurepip" 2>/dev/null || python3 -m pip --version >/dev/null 2>&1 || \
	  { echo "error: pip or venv is needed (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@mkdir -p .build
	@if python3 -c "import ensurepip" 2>/dev/null; then \
	  python3 -m venv .build/tools && .build/tools/bin/pip install --quiet uv==$(UV_VERSION) && \
	  ln -sf tools/bin/uv $@; \
	else \
	  python3 -m pip install --quiet --target .build/tools uv==$(UV_VERSION) && \
	  ln -sf tools/bin/uv $@; \
	fi
