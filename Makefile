# Everything runs in .venv; `make` alone says what there is.
PY := .venv/bin/python

help:
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/'

.venv/bin/pytest:
	python3 -m venv .venv
	.venv/bin/pip install -c constraints.txt -e '.[dev]'

install: .venv/bin/pytest  ## a virtual environment with all that development needs

check: .venv/bin/pytest  ## ruff and mypy --strict, over source and tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

test: .venv/bin/pytest  ## all tests
	$(PY) -m pytest -n auto

bench: .venv/bin/pytest  ## what the framework costs, how fast hub, store and server are, what intervals cover
	$(PY) -m toolgrove.benchmarks.overhead
	$(PY) -m toolgrove.benchmarks.hub.speed
	$(PY) -m toolgrove.benchmarks.coverage
	$(PY) -m toolgrove.benchmarks.store
	$(PY) -m toolgrove.benchmarks.serving
	$(PY) -m toolgrove.benchmarks.retrieval

pictures: .venv/bin/pytest  ## the trees in docs/planners, each of a real search
	$(PY) -m toolgrove.benchmarks.planner_pictures docs

screenshots: .venv/bin/pytest  ## the pictures of README and docs; needs playwright, chromium, ../shared
	$(PY) scripts/screenshots.py

.PHONY: help install check test bench pictures screenshots
