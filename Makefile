# Two commands for a user (run, test), the rest for contributors. Everything happens in .venv.
PYTHON ?= python3
VENV := .venv
# The peers of the benchmarks live in an environment of their own: the product never sees them.
BENCH := .venv-bench
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Wheels only: no compiler is needed and nothing is built here but this package itself.
INSTALL := $(PIP) install --quiet --progress-bar off --only-binary :all: -c constraints.txt
# Some peers ship no wheel.
BENCH_INSTALL := $(BENCH)/bin/python -m pip --disable-pip-version-check install --quiet --progress-bar off -c constraints.txt
JOBS ?= 2
# Groups are those of tests/conftest.py: a file stays in one process. Files with the longest tests come first.
# The processes are as many as the cores: threads of a library beside them would only wait for each other.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder

.PHONY: run test test-slow test-all fuzz check format bench bench-spine clean

run: $(VENV)/.warm ## install, then live through the default book
	$(BIN)/janus run $(ARGS)

test: $(VENV)/.test $(VENV)/.warm ## fast test suite
	$(PYTEST) -m "not slow" tests src --doctest-modules

test-slow: $(VENV)/.test $(VENV)/.warm
	$(PYTEST) -m slow tests

test-all: test test-slow

fuzz: $(VENV)/.test ## ten million random messages through the order book and a plain one
	JANUS_FUZZ_MESSAGES=10000000 $(BIN)/python -m pytest -n $(JOBS) -k long_random_life tests/unit/numerics/test_order_book.py

check: $(VENV)/.test ## lint, format, types, layers
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

bench: $(BENCH)/.peers ## our kernels beside their peers, one table; never part of the tests
	$(BENCH)/bin/janus bench $(ARGS)

bench-spine: $(VENV)/.test ## wake, night, commands: the whole product's timings
	$(BIN)/python benchmarks/spine.py $(ARGS)

clean:
	rm -rf $(VENV) $(BENCH) build .pytest_cache .mypy_cache .ruff_cache

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
	@$(INSTALL) --no-build-isolation -e ".[ml,test]"
	@touch $@

$(BENCH)/.peers: pyproject.toml constraints.txt benchmarks/requirements.txt
	@echo "installing the peers into $(BENCH) (once)"
	@test -d $(BENCH) || $(PYTHON) -m venv $(BENCH)
	@$(BENCH_INSTALL) "setuptools>=77" wheel
	@$(BENCH_INSTALL) --no-build-isolation -e ".[gym,ml]" -r benchmarks/requirements.txt
	@touch $@
