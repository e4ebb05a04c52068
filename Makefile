# Every target makes .venv itself, and again when pyproject.toml is newer.
# PYTHON chooses the interpreter: any of 3.11 or later.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
FUZZ_SECONDS ?= 600
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

.PHONY: help setup run test check fix bench chaos fuzz clean
.DEFAULT_GOAL := help

# List the targets.
help:
	@awk '/^# /{text=substr($$0, 3)} /^[a-z]+:/{sub(":.*", ""); printf "  make %-6s %s\n", $$0, text}' $(firstword $(MAKEFILE_LIST))

# Install everything a developer needs into .venv.
setup: .venv/.dev-installed

# Start Valkey, API, worker and scheduler with the development keys; PORT and DATA_DIR override.
run: .venv/.installed
	@exec $(BIN)/python -m qstash_rq.cli dev

# Run the tests; TESTS="tests/unit -k retry" chooses.
test: .venv/.dev-installed
	$(BIN)/python -m pytest $(TESTS)

# Lint, check types, import contracts, spelling and that each test states its behaviour.
check: .venv/.dev-installed
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m pyright
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/interrogate --quiet tests

# Put right what a machine can put right.
fix: .venv/.dev-installed
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

# Measure, and print the table; BENCH passes options on.
bench: .venv/.dev-installed
	$(BIN)/python -m benchmarks $(BENCH)

# What waits for minutes to pass runs beside what keeps the machine busy.
#
# Kill processes at random and count what arrives, a quarter of an hour; CHAOS_SEED repeats a run.
chaos: .venv/.dev-installed
	$(BIN)/python -m pytest -m chaos -n2 --timeout=900 --durations=0 --durations-min=5 tests/chaos

# Throw 200,000 requests and FUZZ_SECONDS of schemathesis at the front; FUZZ_EXAMPLES overrides, FUZZ_SEED repeats.
fuzz: .venv/.dev-installed
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -m "fuzz or not chaos" -n2 --dist=load -rP \
		tests/fuzz tests/api/test_fuzzed.py

# Remove .venv and caches; data in .qstash stays.
clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.venv/.installed: pyproject.toml | .venv/bin/python
	$(INSTALL) .
	@touch $@

.venv/.dev-installed: pyproject.toml | .venv/bin/python
	$(INSTALL) '.[dev]'
	@touch $@ .venv/.installed

# Some systems have pip but not the module that puts it into a new environment.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or later is needed; name it with PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -m venv .venv 2>/dev/null || { $(PYTHON) -m venv --clear --without-pip .venv \
		&& $(PYTHON) -m pip --python .venv/bin/python install --quiet pip; }
