# Two commands for a user (run, test), the rest for contributors. Everything happens in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Wheels only: no compiler is needed and nothing is built here but this package itself.
INSTALL := $(PIP) install --quiet --progress-bar off --only-binary :all: -c constraints.txt
JOBS ?= 2

.PHONY: run test test-slow test-all check format bench clean

run: $(VENV)/.warm ## install, then live through the default book
	$(BIN)/janus run $(ARGS)

test: $(VENV)/.test ## fast test suite
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow" tests src --doctest-modules

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS) -m slow tests

test-all: test test-slow

check: $(VENV)/.test ## lint, format, types, layers
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

bench: $(VENV)/.test ## timings of this machine; never part of the tests
	$(BIN)/python benchmarks/spine.py $(ARGS)

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { echo "janus needs Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	@echo "installing into $(VENV) (once)"
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) "setuptools>=77" wheel
	@$(INSTALL) --no-build-isolation -e .
	@touch $@

$(VENV)/.warm: $(VENV)/.base
	@echo "compiling kernels (once)"
	@$(BIN)/janus warm
	@touch $@

$(VENV)/.test: $(VENV)/.base
	@$(INSTALL) --no-build-isolation -e ".[test]"
	@touch $@
