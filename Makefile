# Every target makes .venv and installs what it needs by itself; nothing has to be set up first.
#   make demo    the whole road on the generated sample, into demo-out/
#   make test    the test suite on the built wheel; make test PYTEST_ARGS='-m "not torch"' for a part of it
#   make check   lint, format, types, layers, spelling: what .ci/run runs before the tests
#   make lock    constraints.txt and requirements.lock anew (needs uv); UPGRADE=--upgrade takes newer versions

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
PYTEST_ARGS ?=
UPGRADE ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
WHEEL_SITE := build/wheel-site
UV_COMPILE := uv pip compile -q pyproject.toml --python-version 3.11 --no-annotate --no-header
CUDA := nvidia|cuda|triton
# keyed on content, not on time: a checkout that only touches these files installs nothing
STAMP := .venv/.installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)

.PHONY: help demo test check lock wheel

help:
	@sed -n 's/^#   //p' Makefile

# torch comes first and alone, so that a CPU build is taken where the configured index has one
$(STAMP):
	@echo "installing into .venv (once; about 2.3 GB)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "epm needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install "$$(grep '^torch==' constraints.txt)"
	@$(PIP) install -c constraints.txt -e '.[all]'
	@rm -f .venv/.installed-*
	@touch $@

demo: $(STAMP)
	@$(BIN)/epm demo --out demo-out

# build/ is cleared first: setuptools would put modules that were since removed back into the wheel
wheel: $(STAMP)
	@rm -rf build dist
	@$(PIP) wheel --no-deps --no-build-isolation -w dist .
	@$(PIP) install --no-deps --no-compile --target $(WHEEL_SITE) dist/epm-*.whl

# PYTHONPATH stands before the editable install, so the tests and the programs they start see the wheel. Two workers, a
# file each: tests wait for servers and programs more than they compute. One thread each, or two trainings stand still
test: wheel
	@EPM_EXPECT_WHEEL=1 OMP_NUM_THREADS=1 PYTHONPATH=$(CURDIR)/$(WHEEL_SITE) $(BIN)/pytest -n 2 --dist loadfile $(PYTEST_ARGS)

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/typos

# hashes stand in requirements.lock only: one hash among the constraints would forbid installing the checkout itself.
# torch and its CUDA packages are in neither with a hash: the hashes of one index would forbid the CPU build of another
lock:
	@command -v uv > /dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@mkdir -p build/lock
	@cp constraints.txt build/lock/all.txt
	@$(UV_COMPILE) --all-extras -o build/lock/all.txt $(UPGRADE)
	@grep -vE '^($(CUDA))' build/lock/all.txt | sed -E 's/^(torch==[0-9.]+).*/\1/' > build/lock/constraints.txt
	@$(UV_COMPILE) --extra rag --extra minilm --extra distill --extra pandas --extra postgres -c build/lock/constraints.txt --generate-hashes \
	  $$(grep -oE '^(torch|$(CUDA))[a-z0-9-]*' build/lock/all.txt | sed 's/^/--no-emit-package /') -o build/lock/hashed.txt > /dev/null
	@{ sed -n '1,/^$$/p' requirements.lock; cat build/lock/hashed.txt; } > build/lock/requirements.lock
	@mv build/lock/constraints.txt constraints.txt
	@mv build/lock/requirements.lock requirements.lock
