# Every target works in a fresh checkout: it makes .venv and installs what it needs, once.
# PYTHON names the interpreter that makes .venv:   make demo PYTHON=python3.12

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
USER   := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev
# The environments of these two stand beside it, and hold only what they need.
LOWEST := .venv-minimum
BUILD  := .venv-build
# Compiled code that everything works without; see docs/performance.md.
NATIVE := costaudit/ingest/native/lines.so

# $(call pip,VENV,NAME) installs into an environment with the pins of constraints/NAME.txt. They hold for the tools that
# build the package, too: pip knows one name for that before 25.3, and another since.
pip     = PIP_CONSTRAINT=constraints/$(2).txt PIP_BUILD_CONSTRAINT=constraints/$(2).txt \
          $(1)/bin/python -m pip install -q --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test quick test-minimum trust thorough fuzz lint types docs docs-fix format golden mutants oracle bench eval-tiers wheel-smoke dist sbom native clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(USER) $(NATIVE) ## install costaudit into .venv and audit the sample logs
	$(BIN)/costaudit analyze sample_logs/

test: $(DEV) $(NATIVE) ## run the whole test suite, doctests included
	$(BIN)/python -m pytest -n auto

quick: $(DEV) ## run the first and the last case of every test that is quick: two minutes
	COSTAUDIT_QUICK=1 HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -q -n auto

trust: $(DEV) ## every case of hostile input, also what takes long; 10,000 odd files; 40 kills of every writer
	COSTAUDIT_ODD_FILES=10000 COSTAUDIT_KILLS=40 $(BIN)/python -m pytest -q -n auto -m 'trust or not trust' \
	  tests/catalogue tests/ingest/test_fast_and_slow.py tests/test_kills.py

thorough: $(DEV) ## run the test suite with many more random logs, policies and ledgers
	COSTAUDIT_THOROUGH=1 $(BIN)/python -m pytest -q -n auto -m 'not trust'

fuzz: $(DEV) ## break every kind of file at random, FUZZ_SECONDS=60 for each; keeps what fails in .fuzz/
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) $(BIN)/python -m pytest -q -n auto tests/fuzz

test-minimum: $(LOWEST)/.installed ## run it with the oldest dependencies that are allowed; Python 3.11 to 3.13
	$(LOWEST)/bin/python -m pytest -n auto

lint: $(DEV) ## check style, formatting and spelling, shell scripts and workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell costaudit docs tools *.md
	$(BIN)/shellcheck .ci/run ci/action/*.sh tools/*.sh
	$(BIN)/zizmor --offline --pedantic --quiet .

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

bench: $(DEV) $(NATIVE) ## time audits against hand-written DuckDB SQL and Polars: CASES="lean gz" SCALE=0.1 PAIRS=5 (see docs/performance.md)
	$(BIN)/python -m benchmarks.run $(if $(CASES),--case $(CASES)) $(if $(SCALE),--scale $(SCALE)) $(if $(PAIRS),--pairs $(PAIRS))

eval-tiers: $(DEV) ## print how well prompts are tagged that the text model was not fitted on: DATA=FILE (see docs/tiers.md)
	$(BIN)/python -m benchmarks.eval_tiers $(DATA)

wheel-smoke: $(DEV) ## build the wheel twice, install it elsewhere with the newest and the oldest dependencies, and use it
	tools/wheel_smoke.sh $(BIN)/python

dist: $(BUILD)/.installed ## build sdist and wheel into dist/; the same commit gives the same bytes
	tools/build_dist.sh $(BUILD)/bin/python dist

sbom: dist ## write what the wheel consists of to build/sbom.cdx.json (CycloneDX)
	tools/sbom.sh $(PYTHON) dist/*.whl build/sbom.cdx.json

native: ## compile the reader of JSON lines, which works without, in this checkout; needs a C compiler (CC)
	$(PYTHON) tools/build_native.py

$(NATIVE): costaudit/ingest/native/lines.c
	@$(PYTHON) tools/build_native.py || true

clean: ## remove what was built and cached, but no .venv
	rm -rf build dist .fuzz .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f $(NATIVE)
	find . -path './.venv*' -prune -o -name __pycache__ -type d -exec rm -rf {} +

# A stamp inside .venv says that an installation was completed; it is redone when pyproject.toml or the pins change.
# The developers' installation contains the users', so it leaves both stamps.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "costaudit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	       "Name another one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)

$(USER): pyproject.toml constraints/dev.txt | $(BIN)/python
	$(call pip,$(VENV),dev) -e .
	@touch $@

$(DEV): pyproject.toml constraints/dev.txt | $(BIN)/python
	$(call pip,$(VENV),dev) -e '.[dev]'
	@touch $(USER) $@

$(LOWEST)/.installed: pyproject.toml constraints/minimum.txt
	$(PYTHON) -m venv --clear $(LOWEST)
	$(call pip,$(LOWEST),minimum) -e '.[dev]'
	@touch $@

$(BUILD)/.installed: constraints/dev.txt
	$(PYTHON) -m venv --clear $(BUILD)
	$(call pip,$(BUILD),dev) build hatchling
	@touch $@
