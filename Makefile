# Touchstone: `make run` shows it at work, `make test` checks it. Needs Python 3.11 or newer as python3.
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := qc_models inference training configs serving benchmarks
MADE := .venv/.made
FIRST := tests/test_architecture.py tests/test_command_line.py

.PHONY: setup run test lint bench clean

setup: $(MADE)

# Installs again when a dependency or a pin changes; what is already there stays.
$(MADE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Touchstone needs Python 3.11 or newer; $(PYTHON) is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cpu,training,dev]'
	@touch $@

# Runs the whole service on this machine, sends it good and defective studies, and prints what it says of them.
run: setup
	$(BIN)/touchstone demo

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# What fails fastest runs first; two processes of one thread each, since a test is too small for more. Tests of one group, such as
# those that start Ray, run in one of them.
test: lint
	$(BIN)/pytest --exitfirst --quiet $(FIRST)
	OMP_NUM_THREADS=1 $(BIN)/pytest --exitfirst --quiet --numprocesses 2 --dist loadgroup $(FIRST:%=--ignore=%)

bench: setup
	$(BIN)/touchstone bench all

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
