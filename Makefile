# The work on this project. `make` alone says what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
JOBS ?= 2
BENCHMARKS ?= $(wildcard benchmarks/*.py)
# The machine's own choice can be overruled: make setup PYTHON=/path/to/python3.12
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$name"; break; }; done)

.PHONY: help setup demo test check docs format bench lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with the augmentor command in it

demo: setup ## the quickstart: digits, through Prefect, to a verdict and a report
	@$(BIN)/augmentor run digits

test: setup ## all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: setup docs ## style, types, which room may import which, and every link of the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# -W: a link that leads nowhere is an error. -E -a: all anew, as pages are made from code that Sphinx does not watch.
# The source folder is the checkout, so that README and the measured tables are checked too.
docs: setup ## the documentation as a website in build/docs
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -E -a -q -b html -c docs . build/docs
	@echo "build/docs/docs/index.html"

format: setup ## let ruff put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## speed and quality measurements
	@for file in $(BENCHMARKS); do echo "== $$file"; $(BIN)/python "$$file"; done

# Built without isolation, so that the pinned setuptools is the one that builds.
$(STAMP): pyproject.toml constraints.txt
	@bash .ci/make_venv "$(VENV)" "$(PYTHON)"
	@echo "Installing into $(VENV), which takes some minutes the first time ..."
	@$(PIP) install -c constraints.txt setuptools
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

# async-timeout is needed before Python 3.11.3 only (Debian 12 has 3.11.2), so it is asked for by name.
lock: ## make constraints.txt anew from the newest versions that pyproject.toml allows
	rm -rf build/lock
	bash .ci/make_venv build/lock "$(PYTHON)"
	build/lock/bin/python -m pip install --quiet --upgrade setuptools async-timeout
	build/lock/bin/python -m pip install --quiet --no-build-isolation '.[dev]'
	{ sed '/^[^#]/,$$d' constraints.txt; build/lock/bin/python -m pip freeze --all --exclude pip --exclude gan-augmentor \
		| grep -E '^[A-Za-z0-9_.-]+==' | grep -Ev '^(nvidia-|cuda-|triton==)' \
		| sed -E 's/^(torch==[^+]*)\+.*/\1/' | LC_ALL=C sort -f; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/lock

clean: ## remove the environment, caches and built files; runs/ stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
