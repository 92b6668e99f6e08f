# make demo   set up, run the whole chain on drawn scenes (less than 4 minutes on 2 cores), find a cat's head
# make test   set up, then check the code (ruff, order of the rooms, types) and run the tests
# make test-fast   the tests that take less than ten seconds each
# make test-versions   the lowest and the newest versions that the requirements allow, and other
#                      Pythons; VERSIONS="lowest python3.13" for some, VERSIONS=--all for all tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-fast test-versions lint clean

demo: $(VENV)/.installed
	$(BIN)/python generate_dataset.py --source synthetic --out data/demo --count 1500 --overwrite
	$(BIN)/python train_model.py --data data/demo --run runs/demo --recipe experiments/recipes/demo.yaml --overwrite
	$(BIN)/python evaluate_performance.py --data data/demo --split test --out reports/demo \
		--models runs/demo models/pet_head.keras baseline:center baseline:mean baseline:whole
	$(BIN)/python localize_images.py --out reports/demo/photo \
		"$$($(BIN)/python -c 'import skimage; print(skimage.__path__[0])')/data/chelsea.png"

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-versions:
	$(PYTHON) tests/promised_versions.py $(VERSIONS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11.4 or newer is needed, this is " + sys.version.split()[0] + "; try make PYTHON=python3.11") if sys.version_info < (3, 11, 4) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/.installed-test: requirements-test.txt requirements-export.txt requirements-tensorboard.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -r requirements.txt -r requirements-export.txt -r requirements-tensorboard.txt -r requirements-test.txt
	@touch $@

clean:
	rm -rf $(VENV) .venv-versions .pytest_cache .hypothesis
