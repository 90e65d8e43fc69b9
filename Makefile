# Every target works in a fresh checkout: it makes .venv and installs what it needs, once.
# PYTHON names the interpreter that makes .venv:   make demo PYTHON=python3.12

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints/dev.txt
USER   := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test trust thorough fuzz lint types docs docs-fix format golden mutants oracle bench eval-tiers wheel-smoke clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(USER) ## install costaudit into .venv and audit the sample logs
	$(BIN)/costaudit analyze sample_logs/

test: $(DEV) ## run the whole test suite, doctests included
	$(BIN)/python -m pytest -n auto

trust: $(DEV) ## run every case of hostile input: also what takes long, and all formats
	$(BIN)/python -m pytest -q -n auto -m 'trust or not trust' tests/catalogue

thorough: $(DEV) ## run the test suite with many more random logs, policies and ledgers
	COSTAUDIT_THOROUGH=1 $(BIN)/python -m pytest -q -n auto

fuzz: $(DEV) ## break every kind of file at random, FUZZ_SECONDS=60 for each; keeps what fails in .fuzz/
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) $(BIN)/python -m pytest -q -n auto tests/fuzz

lint: $(DEV) ## check style, formatting and spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell costaudit docs tools *.md

types: $(DEV) ## check types, strictly
	$(BIN)/mypy

docs: $(DEV) ## run the examples in the docs and check links, headings and the glossary
	$(BIN)/python tools/write_schemas.py --check
	$(BIN)/python tools/write_rules.py --check
	$(BIN)/python tools/check_docs.py

docs-fix: $(DEV) ## rewrite the output of the examples in the docs
	$(BIN)/python tools/write_schemas.py
	$(BIN)/python tools/write_rules.py
	$(BIN)/python tools/check_docs.py --fix

format: $(DEV) ## rewrite the code in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

golden: $(DEV) ## rewrite the expected outputs of the tests; read the diff before committing
	$(BIN)/python -m pytest tests --snapshot-update

mutants: $(DEV) ## plant mistakes and honest work in the price tables: what the rules catch, 40 of each kind
	COSTAUDIT_MUTANTS=40 $(BIN)/python -m pytest -q -s tests/prices/mutations

oracle: $(DEV) ## hold 20 random policies over 50,000 random requests against plain Python, to the last digit
	COSTAUDIT_ORACLE=50000 $(BIN)/python -m pytest -q -n auto tests/engine/test_policy_oracle.py

bench: $(DEV) ## time an audit against hand-written DuckDB SQL and Polars: ratios, memory (see docs/performance.md)
	$(BIN)/python -m benchmarks.run

eval-tiers: $(DEV) ## print how well prompts are tagged that the text model was not fitted on: DATA=FILE (see docs/tiers.md)
	$(BIN)/python -m benchmarks.eval_tiers $(DATA)

wheel-smoke: $(DEV) ## build the wheel, install it elsewhere and use it
	tools/wheel_smoke.sh $(BIN)/python

clean: ## remove what was built and cached, but not .venv
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

# A stamp inside .venv says that an installation was completed; it is redone when pyproject.toml or the pins change.
# The developers' installation contains the users', so it leaves both stamps.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "costaudit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	       "Name another one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)

$(USER): pyproject.toml constraints/dev.txt | $(BIN)/python
	$(PIP) -e .
	@touch $@

$(DEV): pyproject.toml constraints/dev.txt | $(BIN)/python
	$(PIP) -e '.[dev]'
	@touch $(USER) $@
