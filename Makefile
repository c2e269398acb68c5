# Start with `make demo` and `make test`. The first use of either creates the environment.

PYTHON ?= python3
BIN = .venv/bin
# Where `make readme` finds benchmark sets: folders such as Set5 with HR/ in them.
BENCHMARKS ?= benchmarks/sets
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

demo: .venv/.ready
	$(BIN)/bigpicture upscale samples/*.png -o out --compare
	@echo "Enlarged pictures and comparisons (bicubic | ours) are in out/"

# One process per core, at most 8 because of their memory, with one thread each.
test: .venv/.ready-to-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

lint: .venv/.ready-to-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

check: lint test

# Measure again, with the shipped weights, the scores and the picture that README.md shows.
readme: .venv/.ready
	$(BIN)/python docs/update_readme.py $(BENCHMARKS)

.venv/bin/python:
	$(PYTHON) -c "import sys; sys.exit('bigpicture needs Python 3.11 to 3.14, $(PYTHON) is %d.%d; name another: make PYTHON=python3.12' % sys.version_info[:2] if not (3, 11) <= sys.version_info[:2] <= (3, 14) else 0)"
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }  # an incomplete one would pass for complete

# torch alone first, so that its dependents do not install another build of it.
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
