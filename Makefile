# Everything runs in .venv; a stamp file makes the installation happen once per pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export DO_NOT_TRACK := true

.PHONY: install run test lint pytest attack bench bench-compare clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile -c constraints.txt -e ".[dev]"
	$(BIN)/python -m compileall -qq -j 0 -x '/tests?/|/plotly/' $(VENV)/lib || true  # pip would on one core, tests and all
	touch $@

run: install  ## the whole pipeline on the demonstration corpus
	$(BIN)/kedro run
	@$(BIN)/coherent-cxr summary

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: install
	$(MAKE) --no-print-directory --jobs 2 lint pytest

# files with many slow tests first (tests/conftest.py); what tests start finds our modules compiled
pytest: install
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 40

attack: install  ## kills, full disks and hostile files: one table in at most 20 minutes (docs/reliability.md)
	PYTHONPATH=tests:benchmarks OMP_NUM_THREADS=1 $(BIN)/python tests/attack/campaign.py

bench: install  ## every benchmark's ratio against its rival, with its goal (docs/performance.md)
	@$(BIN)/python benchmarks/bench.py --json bench.json

bench-compare: install  ## the same against an earlier bench.json: make bench-compare BEFORE=bench.json
	@$(BIN)/python benchmarks/bench.py --compare $(or $(BEFORE),bench.json)

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache
