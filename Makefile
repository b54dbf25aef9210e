# Everything a contributor types. Needs Python 3.11, make and git; the rest is installed into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Compiled modules are kept beside the packages, whatever the caller's environment says: without them each of the many
# processes of the demo and of the tests compiles 1,700 modules again (half of its start).
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
RUN_STAMP := $(VENV)/.run-$(shell cat requirements.txt | sha256sum | cut -c1-16)
DEV_STAMP := $(VENV)/.dev-$(shell cat requirements.txt requirements-dev.txt | sha256sum | cut -c1-16)
PIP := $(PY) -m pip install -q --no-compile --disable-pip-version-check

.PHONY: help venv venv-run demo run test test-fast lint format bench messages clean

help:  ## Say what can be typed
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1\t\2/p' Makefile | expand -t 20

$(PY):
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Python 3.11 is needed (found: $$("$(PYTHON)" --version 2>&1)); name one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python's venv module is needed (Debian: apt install python3.11-venv)" >&2; exit 1; }

$(RUN_STAMP): | $(PY)
	@echo "Installing requirements.txt into $(VENV) ..."
	@$(PIP) -r requirements.txt
	@rm -f $(VENV)/.run-*; touch $@

$(DEV_STAMP): | $(PY)
	@echo "Installing requirements-dev.txt into $(VENV) ..."
	@$(PIP) -r requirements-dev.txt
	@rm -f $(VENV)/.run-* $(VENV)/.dev-*; touch $@ $(RUN_STAMP)

venv-run: $(RUN_STAMP)

venv: $(DEV_STAMP)  ## Make .venv with everything a contributor needs

demo: venv-run  ## Start everything with demo data and simulated piles; Ctrl-C ends it
	@exec $(PY) scripts/demo.py

run: venv-run  ## Start the platform alone on the embedded default (SQLite, no services)
	@exec $(PY) manage.py serve --migrate

lint: venv  ## Format, lint, floors of the architecture, missing migrations, Django's checks
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check

format: venv  ## Format and mend what can be mended
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# Two runs, both always made: the whole suite on a private PostgreSQL and Redis, and the embedded contract tests on
# SQLite and the in-memory parts.
test: venv  ## Run the suite on a private PostgreSQL and Redis, then the embedded tests on SQLite
	@data=$$(mktemp -d); trap 'rm -rf "$$data"' EXIT; failed=""; \
	echo "== Suite on PostgreSQL and Redis"; \
	EV_DATA_DIR=$$data $(PY) scripts/services.py run -- $(PY) -m pytest -q -n 4 --dist loadgroup -m 'not soak and not embedded_only' || failed="the suite on PostgreSQL and Redis"; \
	echo "== Embedded contract tests on SQLite and memory"; \
	env -u EV_DATABASE_URL -u EV_REDIS_URL EV_ENV=test EV_DATA_DIR=$$data $(PY) -m pytest -q -n 4 --dist loadgroup -m '(embedded or embedded_only) and not soak' \
		|| failed="$${failed:+$$failed, and }the embedded tests on SQLite"; \
	if [ -n "$$failed" ]; then echo "FAILED: $$failed" >&2; exit 1; fi; \
	echo "PASSED: the suite on PostgreSQL and Redis, and the embedded tests on SQLite"

test-fast: venv  ## Run one part on SQLite: make test-fast T=tests/billing
	@EV_ENV=test $(PY) -m pytest -q $(T)

bench: venv  ## Measure on a private PostgreSQL and Redis
	@if [ -d benchmarks ]; then $(PY) scripts/services.py run -- $(PY) -m benchmarks; \
	else echo "There is no benchmarks/ folder yet; nothing was measured." >&2; exit 1; fi

messages: venv  ## Add new msgids to the Chinese catalogues, list what lacks a translation, compile
	@$(PY) scripts/messages.py update
	@$(PY) scripts/messages.py compile
	@$(PY) scripts/messages.py check

clean:  ## Remove the venv, caches and build products (data/ stays)
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
