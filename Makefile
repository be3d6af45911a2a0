# Every target first makes sure of .venv (see `env`). `make help` lists them.

PYTHON ?= python3
ARGS ?=

VENV := .venv
COMPILED := .venv-compiled
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
PYTEST := $(BIN)/pytest -q

# Tests start a thousand processes; with this set, each of them would compile all of Plait again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: env demo test compiled soak check bench peers sim clean help

help: ## this list
	@echo 'make TARGET [ARGS="..."] [PYTHON=python3.11]'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Debian's Chromium and redis-cli, where they can be installed; else those tests are skipped, and say so.
TOOLS := command -v chromium >/dev/null && command -v redis-cli >/dev/null || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && { apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium redis-tools; } >/dev/null 2>&1; } || \
	echo 'tests of pages and of redis-cli are skipped: apt-get install chromium redis-tools (as root)' >&2

env: $(STAMP) ## make .venv with the pinned tools and Plait itself, editable

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Plait needs Python 3.11 or newer; try: make env PYTHON=python3.11' >&2; exit 1; }
	@echo '1/4 $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@echo '2/4 pinned packages'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@echo '3/4 plait, editable'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,web,bench]'
	@echo '4/4 a browser and redis-cli, for tests'
	@$(TOOLS)
	@touch $@

demo: env ## a cluster that loses its leader, and a console to break it from (ARGS=--exit ends by itself)
	@$(BIN)/plait demo $(ARGS)

# `make check test` has run the house rules when it comes here
HOUSE := $(if $(filter check,$(MAKECMDGOALS)),--ignore=tests/house)

test: env ## every test (ARGS='-m "not slow"' for the quick ones)
	$(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder $(HOUSE) $(ARGS)

# What the compiled modules carry; the pins are those of the sections that it needs.
COMPILED_TESTS := tests/laws tests/engines/test_graph_texts.py tests/unit/test_compiled.py \
	tests/unit/test_cli_text.py $(wildcard tests/unit/test_documents_text*.py) $(wildcard tests/unit/test_text_*.py) \
	$(wildcard tests/unit/test_list*.py)

compiled: env ## build with compiled modules into .venv-compiled, and test texts and lists there
	@echo '1/3 $(COMPILED)'
	@test -x $(COMPILED)/bin/python || $(BIN)/python -m venv $(COMPILED)
	@sed -n '/^# what Plait runs on/,/^$$/p; /^# tests/,/^$$/p' requirements-dev.txt | \
		$(COMPILED)/bin/python -m pip install --quiet --disable-pip-version-check -r /dev/stdin
	@echo '2/3 plait, compiled'
	@rm -rf build
	@PLAIT_COMPILE=1 $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --wheel-dir build/compiled .
	@$(COMPILED)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--force-reinstall build/compiled/plait-*.whl
	@$(COMPILED)/bin/plait --version | grep compiled
	@echo '3/3 tests'
	$(COMPILED)/bin/pytest -q -n 2 --dist loadfile $(ARGS) $(COMPILED_TESTS)

soak: env ## minutes of kills, pauses, cut links and power, judged (as root; docs/guide/testing.md)
	PLAIT_SOAK_SECONDS=$${PLAIT_SOAK_SECONDS:-120} PLAIT_BANK_KILLS=$${PLAIT_BANK_KILLS:-100} \
		PLAIT_LEADER_KILLS=$${PLAIT_LEADER_KILLS:-50} PLAIT_FAILOVERS=$${PLAIT_FAILOVERS:-10} \
		PLAIT_POWER_CUTS=$${PLAIT_POWER_CUTS:-20} PLAIT_ENGINE_ROUNDS=$${PLAIT_ENGINE_ROUNDS:-6} \
		$(PYTEST) -s $(ARGS) tests/processes/test_faults*.py tests/processes/test_engine*.py

check: env ## format, lint, types, import layers, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) tests/house

bench: env ## measure against peers (ARGS='leader --quick' or ARGS='consensus --quick')
	@$(BIN)/plait bench $(ARGS)

peers: env ## etcd for the benchmarks, out of Debian's package, into .venv (needs no root)
	@test -x $(BIN)/etcd || { rm -rf $(VENV)/peers && mkdir $(VENV)/peers && cd $(VENV)/peers && \
		apt-get -q -o APT::Sandbox::User= download etcd-server && dpkg-deb -x etcd-server_*.deb . && \
		cp usr/bin/etcd ../bin/ && rm -rf ../peers; } || \
		{ echo 'no etcd-server to be had; try apt-get update first, as root' >&2; exit 1; }

sim: env ## simulated seeds for SIM_SECONDS=120 (ARGS='--start 5000' for others), then all that `test` takes by turns
	@$(BIN)/plait sim --for $${SIM_SECONDS:-120} --jobs 2 $(ARGS)
	@PLAIT_TURN=all SIM_MISTAKE_CONTROLS=1 SIM_DIGESTS=2 $(PYTEST) -n 2 -m turns tests

clean: ## remove .venv, caches and builds
	rm -rf $(VENV) $(COMPILED) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
