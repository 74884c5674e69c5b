# Needs make and Python 3.11 or newer; everything else goes into .venv, from wherever pip is set to.
# Another Python beside it: make test PYTHON=python3.13 VENV=.venv-3.13

VENV   ?= .venv
LOWEST ?= .venv-lowest
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

BIN     := $(VENV)/bin
RUNTIME := $(VENV)/.installed
DEV     := $(VENV)/.installed-dev
BENCH   := $(VENV)/.installed-bench
EXTRAS  := xml,mirror,postgres,cli
# A process a core, but not so many that PostgreSQL runs out of connections.
PYTEST  := python -m pytest -n auto --maxprocesses 4 --dist worksteal

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test check suites lint types wheel lowest soak-mirror bench clean

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## the mirror and focus-cte against the embedded sandbox: no account, no network
	@$(BIN)/python examples/demo.py

test: $(DEV) ## the whole suite, with branch coverage; FOCUS_CTE_TEST_POSTGRES=postgresql://... for all of it
	@$(BIN)/$(PYTEST) --cov --cov-report=term

check: lint types wheel ## all that a change must pass, with a PostgreSQL of its own; .ci/run does this
	@$(BIN)/python .ci/with_postgres $(MAKE) --no-print-directory suites

# The one with everything newest comes last, so that its verdict is the last line.
suites: lowest test

lint: $(DEV)
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check

types: $(DEV)
	@$(BIN)/mypy

wheel: $(DEV)
	@$(BIN)/python -m pytest -m wheel tests/wheel

# Of the command line, what its libraries draw and read: each start of a program takes a second.
lowest: $(LOWEST)/.installed
	@env -u FOCUS_CTE_TEST_POSTGRES FOCUS_CTE_KILLS=10 $(LOWEST)/bin/$(PYTEST) \
		--ignore tests/cli --ignore tests/docs/test_examples.py
	@$(LOWEST)/bin/$(PYTEST) tests/cli/test_cli_help.py tests/cli/test_cli_tables.py
	@$(LOWEST)/bin/$(PYTEST) tests/mirror/test_databases.py tests/mirror/test_store.py \
		tests/mirror/test_migrations.py

soak-mirror: $(DEV) ## kill a mirror 500 times on SQLite, 200 on PostgreSQL, 75 as a program
	@FOCUS_CTE_KILLS=500 $(BIN)/python .ci/with_postgres \
		$(BIN)/python -m pytest tests/mirror/test_kills.py tests/cli/test_cli_stopped.py

bench: $(BENCH) ## against the alternatives: a table a case, in ten minutes
	@$(BIN)/python -m benchmarks

clean: ## remove environments, builds and caches
	rm -rf .venv .venv-* build dist .coverage .coverage.* .hypothesis htmlcov
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call venv,DIRECTORY)
define venv
@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo 'focus_cte needs Python 3.11 or newer: make PYTHON=/path/to/python3' >&2; exit 1; }
@echo 'Preparing $(1)'
@$(PYTHON) -m venv $(1)
endef

# $(call newer_pip,DIRECTORY): dependency groups came with pip 25.1.
define newer_pip
@$(1)/bin/pip install --help | grep -q -e --group || $(1)/bin/pip install -qq --upgrade 'pip>=25.1'
endef

$(RUNTIME): pyproject.toml
	$(call venv,$(VENV))
	@$(BIN)/pip install -qq -e '.[cli]'
	@touch $@

$(DEV): $(RUNTIME)
	$(call newer_pip,$(VENV))
	@$(BIN)/pip install -qq -e '.[$(EXTRAS)]' --group dev
	@touch $@

$(BENCH): $(RUNTIME)
	$(call newer_pip,$(VENV))
	@$(BIN)/pip install -qq -e '.[$(EXTRAS)]' --group bench
	@touch $@

$(LOWEST)/.installed: pyproject.toml .ci/lower_bounds.py
	$(call venv,$(LOWEST))
	$(call newer_pip,$(LOWEST))
	@$(LOWEST)/bin/python .ci/lower_bounds.py > $(LOWEST)/lower-bounds.txt
	@$(LOWEST)/bin/pip install -qq -c $(LOWEST)/lower-bounds.txt -e '.[$(EXTRAS)]' --group test
	@touch $@
