.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# The first interpreter on the PATH that is new enough; name another with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
WORKERS ?= 4

.PHONY: help run test coverage pythons check chaos docs screenshots bench lock clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps

# Makes an environment from a lock, with both distributions of this repository; a third argument is
# more options for pip. What only runs once compiles what it imports, and nothing else.
define environment
@test -n "$(PYTHON)" || { echo "rota needs Python 3.11 or newer; none was found on the PATH."; exit 1; }
$(PYTHON) -m venv $(1)
$(1)/bin/python $(PIP_INSTALL) $(3) --require-hashes -r $(2)
$(1)/bin/python $(PIP_INSTALL) --no-build-isolation -e . -e xcore
@touch $(1)/.ready
endef

$(VENV)/.ready: requirements-dev.lock pyproject.toml xcore/pyproject.toml
	$(call environment,$(VENV),requirements-dev.lock)

$(VENV)-run/.ready: requirements.lock pyproject.toml xcore/pyproject.toml
	$(call environment,$(VENV)-run,requirements.lock,--no-compile)

# Nothing compiles an editable install; without this every process that a test starts compiles it all.
.PHONY: compiled
compiled: $(VENV)/.ready
	@$(BIN)/python -m compileall -q src xcore

# The site needs none of the code's own dependencies: its API pages are read from the source.
$(VENV)-docs/.ready: requirements-docs.lock
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python $(PIP_INSTALL) --require-hashes -r requirements-docs.lock
	@touch $@

run: $(VENV)-run/.ready ## Start everything on the sample container and print the page's address
	$(VENV)-run/bin/rota up

test: compiled ## Run every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

# Apart from `make test`: counting lines takes half as much processor time again, and seven times where a test measures it.
coverage: compiled ## Run every test and show which lines none of them ran
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term:skip-covered

pythons: compiled ## Run unit tests on every other supported Python of this machine
	$(BIN)/python -m tests.pythons

chaos: compiled ## Inject every fault, long and hard; repeat one with SEED=...
	ROTA_CHAOS=1 $(BIN)/python -m pytest tests/fault tests/property tests/browser tests/unit/triggers --timeout 3600 $(if $(SEED),--randomly-seed=$(SEED))

check: $(VENV)/.ready ## Format, lint, types, layers, sizes and names
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m tests.house

docs: $(VENV)/.ready $(VENV)-docs/.ready ## Write the generated pages, build the site into build/site, check every link
	$(BIN)/python -m docs.generate
	$(BIN)/python -m tests.house
	$(VENV)-docs/bin/zensical build --clean --strict

screenshots: $(VENV)/.ready ## Take the pictures of the documentation (needs chromium)
	$(BIN)/python -m tests.browser.screenshots

bench: compiled ## Measure side by side with the peers; prints a table, writes a plot
	$(BIN)/python -m bench

LOCKING := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-annotate --no-emit-package rota --no-emit-package rota-xcore --find-links build/locking

lock: ## Resolve the locks again (needs uv)
	uv build --quiet --wheel . -o build/locking && uv build --quiet --wheel xcore -o build/locking
	$(LOCKING) pyproject.toml --group dev --all-extras -o requirements-dev.lock
	$(LOCKING) pyproject.toml --group run -o requirements.lock
	$(LOCKING) --group docs -o requirements-docs.lock

clean: ## Remove what the other targets made
	rm -rf $(VENV) $(VENV)-* build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
