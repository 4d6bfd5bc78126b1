# One door for people and CI. Everything is installed into .venv; nothing outside of this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIPFLAGS)
TESTERS ?= 3
# LOCAL=1 installs torch and the trainers too, for the tests that train on this machine.
DEV := $(VENV)/dev$(if $(LOCAL),-local)

.PHONY: demo test check bench up docs clean

demo: $(VENV)/core          ## install, then run the feedback study on the bundled sample, offline
	$(BIN)/redraft demo

up: $(VENV)/core            ## a Prefect server with UI, a worker and all deployments, with the offline providers
	$(BIN)/redraft up --sandbox

test: $(DEV)                ## install, then run every test, a file to one of TESTERS processes
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder

check: $(DEV)               ## lint, format, types, import contracts, stale docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python docs/make_help.py --check

bench: $(DEV)               ## measure; benchmarks/README.md has the results
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.flow
	$(BIN)/python -m benchmarks.flow --runs 1 --in-flight 256 $(if $(CURATOR),--curator $(CURATOR))
	$(BIN)/python -m benchmarks.flow --runs 1 --rows 150000
	$(BIN)/python -m benchmarks.grants
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.kills
	$(BIN)/python -m benchmarks.budgets
	$(BIN)/python -m benchmarks.coverage
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.monitor
	$(BIN)/python -m benchmarks.checking
	$(BIN)/python -m benchmarks.exact_coverage
	$(BIN)/python -m benchmarks.clusters
	$(BIN)/python -m benchmarks.arms
	$(BIN)/python -m benchmarks.adjusted
	$(BIN)/python -m benchmarks.stopping
	$(BIN)/python -m benchmarks.human_check
	$(BIN)/python -m benchmarks.leaderboard
	$(BIN)/python -m benchmarks.analysis
	$(BIN)/python -m benchmarks.rescore
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.protocol --seeds 40
	$(BIN)/python -m benchmarks.judges
	$(BIN)/python -m benchmarks.answers
	$(BIN)/python -m benchmarks.answer_cutting ../shared/data/squad/squad_v2_dev.json
	$(BIN)/python -m benchmarks.curriculum_toy
	$(BIN)/python -m benchmarks.preference_toy
	$(BIN)/python -m benchmarks.curriculum_kills
	$(BIN)/python -m benchmarks.chat_reading
	$(BIN)/python -m benchmarks.chat_selection

docs: $(DEV)                ## write docs/help.md anew from the commands
	$(BIN)/python docs/make_help.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "redraft needs Python 3.11 or newer; name it: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing redraft into $(VENV) (about a minute) ..."
	$(PIP) -e .
	@touch $@

$(VENV)/dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing redraft and its tools into $(VENV) (about a minute) ..."
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/core

$(VENV)/dev-local: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing redraft, its tools, torch and the trainers into $(VENV) (some minutes) ..."
	$(PIP) -e '.[dev,local]'
	@touch $@ $(VENV)/dev $(VENV)/core

clean:
	rm -rf $(VENV) .redraft .pytest_cache .ruff_cache .hypothesis
