.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
RUN := DEBUG=1 HTTPS=off $(PY)

.PHONY: help
help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

.PHONY: setup
setup: ## Install everything into .venv
	@sh scripts/setup.sh

.PHONY: demo
demo: setup ## Run everything with two made-up shops; Ctrl-C ends it
	@$(PY) scripts/demo.py

.PHONY: demo-reset
demo-reset: ## Forget what the demo has done
	@rm -rf .demo && echo "The next demo begins anew."

.PHONY: run
run: setup ## Run the web process for development
	@$(RUN) manage.py migrate -v 0 && $(RUN) manage.py runserver

.PHONY: worker
worker: setup ## Run the workers for development
	@$(RUN) manage.py runcluster

.PHONY: sandbox
sandbox: setup ## Run the stand-ins for Shopify and Klaviyo on local ports
	@$(PY) -m sandbox

.PHONY: fmt
fmt: setup ## Format the code
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix . && $(PY) -m djlint templates --reformat --quiet

.PHONY: lint
lint: setup ## Check format, style and templates
	@$(PY) -m ruff format --check . && $(PY) -m ruff check .
	@$(PY) -m djlint templates --lint --quiet

.PHONY: types
types: setup ## Check types
	@DEBUG=1 $(PY) -m mypy integrations syncconsole sandbox

.PHONY: imports
imports: setup ## Check that imports go one way
	@.venv/bin/lint-imports

.PHONY: migrations-check
migrations-check: setup ## Check that no migration is missing
	@$(RUN) manage.py makemigrations --check --dry-run

.PHONY: test-fast
test-fast: setup ## Run the tests that need neither database nor browser
	@$(PY) -m pytest tests/unit tests/contract -q

.PHONY: e2e
e2e: setup browser ## Run the tests with real processes and a real browser
	@$(PY) -m pytest -m e2e

.PHONY: browser
browser: setup
	@sh scripts/browser.sh

.PHONY: cover
cover: setup ## Measure what the tests reach
	@$(PY) -m coverage run -m pytest -m "not e2e" && $(PY) -m coverage report --skip-covered

.PHONY: bench
bench: setup ## Measure speed and write benchmarks/RESULTS.md
	@$(PY) -m benchmarks

.PHONY: audit
audit: setup ## Look the pinned packages up in the list of known faults
	@.venv/bin/pip-audit -r requirements.txt

.PHONY: test
test: setup browser lint types imports migrations-check ## Check and test everything, as CI does
	@$(PY) -m pytest -n auto --maxprocesses 4
