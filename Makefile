# What a person and CI call. Every target sets up what it needs by itself; warm, that costs a tenth of a second.
PYTHON ?= python3
VENV := .venv/bin
SETUP := $(PYTHON) -B tools/setup.py
.DEFAULT_GOAL := help
# Compiled modules lie in build, also where a machine is told to write none: each of many processes starts in half the time.
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup demo cluster-demo ui test check bench test-faults lock sbom audit release clean python

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "make: '$(PYTHON)' is missing or older than 3.11; name another one: make PYTHON=/path/to/python3.11" >&2; exit 1; }

setup: python ## .venv with what the system needs to run, from locks/
	@$(SETUP) runtime

ui: setup ## web/static, built from web/ui when that has changed
	@$(PYTHON) -B tools/ui.py build

demo: ui ## simulated cameras of five regencies and every service in one process
	@exec $(VENV)/vms demo $(ARGS)

cluster-demo: python ## a whole cluster on this machine: MinIO, PostgreSQL, NATS, eight nodes, simulated cameras
	@$(SETUP) cluster
	@$(PYTHON) -B tools/ui.py build
	@exec $(VENV)/python -m tools.cluster demo $(ARGS)

test: python ## everything: checks, unit tests, real RTSP, real browser, real S3; installs what they need
	@$(SETUP) dev
	@$(PYTHON) -B tools/ui.py build
	@bash tools/test.sh $(ARGS)

check: python ## linters, types, layers, and the checks and unit tests of the web client
	@$(SETUP) dev
	@bash tools/check.sh

bench: python ## figures of the bars into build/bench.json (docs/bench.md)
	@$(SETUP) dev
	@$(PYTHON) -B tools/ui.py build
	@$(VENV)/python -m tests.bench $(ARGS)

test-faults: python ## the long runs with faults; SHARD=1/4 runs a quarter of them
	@$(SETUP) dev
	@$(VENV)/python -m pytest -m fault tests/faults -p no:cacheprovider $(if $(SHARD),--shard $(SHARD)) $(ARGS); \
		status=$$?; $(VENV)/python -m tests.faults.record; exit $$status

lock: python ## locks/*.txt anew from pyproject.toml
	@$(SETUP) dev
	@bash tools/lock.sh

sbom: setup ## what the system is made of, as CycloneDX, from the locks: build/sbom.cdx.json
	@$(VENV)/python tools/sbom.py $(ARGS)

audit: setup ## known vulnerabilities of what is locked; says so where nobody answers
	@$(VENV)/python tools/audit.py

release: ui sbom ## dist/: the wheel with the page in it, and its SBOM
	@$(VENV)/uv build --quiet --wheel --no-build-isolation --offline --out-dir dist .
	@cp build/sbom.cdx.json dist/vms-$$($(VENV)/python -c 'import vms; print(vms.__version__)').cdx.json && ls dist

clean: ## everything that was built, .venv too; never data/
	rm -rf .venv build dist web/static web/ui/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
