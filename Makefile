# Everything a person does with this project starts here. Only Python 3.11+ and make are needed.
PYTHON ?= python3
CE = .venv/bin/python -m cli

.DEFAULT_GOAL := help
.PHONY: help up down status logs demo test drill bench lint lock installed installed-dev

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: up ## Start everything, send a quarter of a shop's life through the API, print the pages to open
	@$(CE) demo run

up: installed ## Start Kafka, PostgreSQL, the server and the projector; does nothing where they run
	@$(CE) stack up

down: installed ## Stop all of it; the data stays in .run/
	@$(CE) stack down

status: installed ## Say what runs, where, and whether it can do its job
	@$(CE) stack status

logs: installed ## Follow the logs of all parts
	@$(CE) stack logs

test: installed-dev ## Run every test on real Kafka and real PostgreSQL, started for the purpose
	@.venv/bin/python -m tests

drill: installed-dev ## Kill and freeze every part under load, then audit every promise (DRILL="--events 300000 --faults 100")
	@.venv/bin/python -m tests.drill $(DRILL)

bench: installed-dev ## Measure, each figure as a ratio to a baseline of the same run
	@.venv/bin/python -m bench

lint: installed-dev ## Check style and types
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

lock: installed ## Resolve the dependencies anew into requirements/
	@sh requirements/lock.sh

installed:
	@$(PYTHON) cli/bootstrap.py run

installed-dev:
	@$(PYTHON) cli/bootstrap.py dev
