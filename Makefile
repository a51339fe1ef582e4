# Two commands do all the set-up by themselves: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Byte code is kept: tests start Python very often.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test fuzz lint generate docs clean

$(BIN)/dcmlint: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[network]'
	touch $@

$(VENV)/.tests: pyproject.toml $(BIN)/dcmlint
	$(BIN)/python -m pip install --quiet --group test
	touch $@

$(VENV)/.lint: pyproject.toml $(BIN)/dcmlint
	$(BIN)/python -m pip install --quiet --group test --group lint
	touch $@

demo: $(BIN)/dcmlint
	@echo '$$ dcmlint check examples/slide-good'
	@$(BIN)/dcmlint check --isolated examples/slide-good
	@echo
	@echo '$$ dcmlint check examples/slide-broken'
	@$(BIN)/dcmlint check --isolated --exit-zero examples/slide-broken; test $$? -eq 0 -o $$? -eq 4

# One process more than cores: some tests wait for peers.
test: $(VENV)/.tests
	$(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)') --dist worksteal

# An hour of random cases; FUZZ='--minutes 5 --seed 1' for others.
fuzz: $(VENV)/.tests
	$(BIN)/python -m tests.fuzz $(FUZZ)

# The proofs of the gate at full length: hours.
soak: $(VENV)/.tests
	DCMLINT_GATE_KILLS=200 DCMLINT_GATE_BETWEEN=5 DCMLINT_GATE_ITEMS=1500000 DCMLINT_GATE_OUTAGE=600 \
	  $(BIN)/python -m pytest tests/gate -s --timeout 7200
	$(BIN)/python benchmarks/gate_speed.py
	$(BIN)/python benchmarks/gate_speed.py --memory 100000

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/generate.py --check

$(VENV)/.docs: pyproject.toml $(BIN)/dcmlint
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

# The site, to be opened from disk: build/docs/index.html. A link that leads nowhere is an error.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

generate: $(VENV)/.tests
	$(BIN)/python tools/generate.py

clean:
	rm -rf $(VENV) build dist
