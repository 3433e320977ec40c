# `make run` and `make test` are all that most people need; both build .venv from requirements.lock first.
# Without make (Windows, for instance) docs/RUNNING.md gives the same steps line by line.

# The first interpreter that really runs and is one we support. Choose another with PYTHON=...
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	>/dev/null 2>&1 && { echo "$$p"; break; }; done)
UV ?= $(shell command -v uv 2>/dev/null)
WORKERS ?= 2
# Passed on to the command: make run ARGS="--only 01_placement_trends"
ARGS ?=

BIN := .venv/bin
# loadscope keeps the tests of a module, which share what they build, in one worker.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope
# conftest.py gives nbval forked kernels on Linux. Their sockets need no ports; elsewhere two kernels that start at once
# now and then take one port, so one worker is all.
NBVAL = $(BIN)/python -m pytest $(if $(filter Linux,$(shell uname -s)),-n $(WORKERS) --dist loadscope) \
	--nbval outputs/reference/notebooks
# From the start, since mutmut keeps what it found before. More survivors than docs/MUTATION.md has reasons for (the
# last number of its row "All") are a failure; a mutant that timed out was noticed.
MUTATE = rm -rf mutants; $(BIN)/mutmut run --max-children $(WORKERS) && $(BIN)/mutmut results && \
	{ test $$($(BIN)/mutmut results | grep -vc ': timeout') -le \
	$$(sed -n 's/^| All .*| \([0-9]*\) |$$/\1/p' docs/MUTATION.md) || \
	{ echo "More mutants survive than docs/MUTATION.md has reasons for." >&2; false; }; }

.DELETE_ON_ERROR:
.PHONY: help run sample reference lab test test-full test-notebooks mutate lint lock clean

help:
	@echo "make run        run the workbook on the sample quarter; prints where the site is"
	@echo "make lab        open the notebooks in JupyterLab, at the list of their questions"
	@echo "make test       all tests but the long ones, then the reference notebooks again"
	@echo "make test-full  the long tests too, then make mutate"
	@echo "make test-KIND  one kind alone: unit, oracles, properties, attack, notebooks, browser, worlds, faults, planted"
	@echo "make mutate     change disclosure, stitching and economics bit by bit: what do the tests not see?"
	@echo "make lint       ruff and mypy"
	@echo "make sample     write the synthetic sample again"
	@echo "make reference  write outputs/reference again"
	@echo "make lock       resolve requirements.lock again (ARGS=--upgrade for newer versions)"
	@echo "make clean      remove .venv, caches and runs; outputs/reference stays"

run: .venv/.installed
	$(BIN)/bond-eval run $(ARGS)

sample: .venv/.installed
	$(BIN)/bond-eval sample $(ARGS)

reference: .venv/.installed
	$(BIN)/bond-eval reference $(ARGS)

lab: .venv/.installed
	JUPYTER_CONFIG_PATH="$(CURDIR)/jupyter" $(BIN)/jupyter lab $(ARGS)

# Each part is run and reported, whichever fails.
test: .venv/.installed
	@status=0; $(PYTEST) || status=1; $(NBVAL) || status=1; exit $$status

test-full: .venv/.installed
	@status=0; $(PYTEST) -m "full or not full" || status=1; $(NBVAL) || status=1; $(MUTATE) || status=1; exit $$status

# A folder of tests/ alone, its long tests only with ARGS='-m "full or not full"'.
test-%: .venv/.installed
	$(if $(wildcard tests/$*/test_*.py),,$(error there is no folder of tests named $*))$(PYTEST) tests/$* $(ARGS)

test-notebooks: .venv/.installed
	$(NBVAL) $(ARGS)

# Which modules and which tests: [tool.mutmut] of pyproject.toml. What is left, and why: docs/MUTATION.md. Some mutants
# alone, by the names that it prints: make mutate ARGS="NAME ..."
mutate: .venv/.installed
	$(if $(ARGS),$(BIN)/mutmut run --max-children $(WORKERS) $(ARGS),$(MUTATE))

lint: .venv/.installed
	@status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/mypy || status=1; \
	exit $$status

# --universal: one lock for every platform. fewest: one version of each package for every Python.
lock:
	uv pip compile pyproject.toml --all-extras --group dev -o requirements.lock --universal --fork-strategy fewest \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(ARGS)

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist mutants
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
	test ! -d outputs || find outputs -mindepth 1 -maxdepth 1 ! -name reference -exec rm -rf {} +

# A changed lock starts a new environment, so that nothing stays behind that the lock no longer names.
.venv/.locked: requirements.lock
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 was found; name one: make PYTHON=..." >&2; exit 1; }
	rm -rf .venv
	@echo "Installing what requirements.lock names into .venv: this takes some minutes, once." >&2
	$(PYTHON) -m venv .venv
ifneq ($(UV),)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --only-binary :all: --compile-bytecode \
		-r requirements.lock
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --compile -r requirements.lock
endif
	touch $@

# Compiled here, because importing uncompiled modules takes three times as long.
.venv/.installed: .venv/.locked pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 bond_eval
	touch $@
