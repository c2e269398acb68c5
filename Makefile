# Two commands for a newcomer: `make demo` and `make test`. The environment is made on first use.

PYTHON ?= python3
BIN = .venv/bin
# Where `make readme` finds benchmark sets: folders such as Set5 with HR/ in them.
BENCHMARKS ?= benchmarks/sets
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

demo: .venv/.ready
	$(BIN)/bigpicture upscale samples/*.png -o out --compare
	@echo "Enlarged pictures and comparisons (bicubic | ours) are in out/"

# A process for each core (up to 8, for their memory), with one thread each.
test: .venv/.ready-to-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

lint: .venv/.ready-to-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

check: lint test

# The pictures and scores that README.md shows, measured anew with the shipped weights.
readme: .venv/.ready
	$(BIN)/python docs/update_readme.py $(BENCHMARKS)

.venv/bin/python:
	$(PYTHON) -c "import sys; sys.exit('bigpicture needs Python 3.11 to 3.14, $(PYTHON) is %d.%d; name another: make PYTHON=python3.12' % sys.version_info[:2] if not (3, 11) <= sys.version_info[:2] <= (3, 14) else 0)"
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }  # half of one would pass for whole

# torch alone first: what needs it must not draw another build of it.
.venv/.ready: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing bigpicture and PyTorch into .venv (once, some minutes) ..."
	$(INSTALL) torch
	$(INSTALL) -e .
	@touch $@

.venv/.ready-to-test: .venv/.ready
	@echo "Installing what the tests need ..."
	$(INSTALL) -e '.[test]'
	@touch $@

clean:
	rm -rf .venv out

.PHONY: demo test lint check readme clean
