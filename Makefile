# `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# In an environment of its own: it needs rich, with which Lightning shows other progress bars.
LINTER := $(VENV)/linter/bin/lint-imports
# ONNX Runtime for browsers
VENDOR := docs/demo/vendor
WORKERS ?= 2
TORCH ?= 2.13.0
# What other packages do for seqtext: enough to notice a version that does not fit.
DEPENDENT := tests/test_installed.py tests/test_metrics.py tests/data/tokenizer tests/data/test_prepared.py \
	tests/data/test_hub.py tests/cli/test_trust.py
RUN := runs/translation/builtin-$(shell date +%Y%m%d-%H%M%S)

# Python keeps its compiled files: tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup translate demo test test-all test-lowest test-newest check clean

help:
	@echo "make translate   set up $(VENV), train the small English-German translator, show translations"
	@echo "make demo        export the newest such translator, or RUN=FOLDER, for the page docs/demo (needs Node.js)"
	@echo "make test        set up $(VENV), run the quick tests, WORKERS=2 at once"
	@echo "make test-all    the same with the slow tests"
	@echo "make test-lowest run some tests with the lowest versions of other packages, in $(VENV)/lowest"
	@echo "make test-newest the same with the newest versions, except PyTorch: TORCH=$(TORCH)"
	@echo "make check       set up $(VENV), check style, types and imports"
	@echo "make setup       set up $(VENV) with the pinned set of packages"

setup: $(READY)

$(READY): pyproject.toml runtime/pyproject.toml constraints.txt
	@echo "== setting up $(VENV) (needs the network)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,ray]' --editable ./runtime
	@touch $@

$(LINTER): constraints.txt
	$(PYTHON) -m venv $(VENV)/linter
	$(VENV)/linter/bin/python -m pip install --quiet --constraint constraints.txt import-linter
	@touch $@

translate: $(READY)
	@echo "== training the built-in English-German translator (less than 4 minutes on 2 cores)"
	$(BIN)/python recipes/translation/train.py fit --config recipes/translation/builtin.yaml --run $(RUN)
	@echo "== scoring it on 1,000 sentences that it has not seen"
	$(BIN)/seqtext test $(RUN) --data.test builtin:test:1000 --examples 10
	@echo "== the run lies in $(RUN)"
	@echo "== translate a sentence of your own:"
	@echo "   echo 'The dog is sleeping in the garden.' | $(BIN)/seqtext generate $(RUN)"

# The newest translator of `make translate`, where no other run is named
demo: RUN = $(patsubst %/best.ckpt,%,$(shell ls runs/translation/builtin-*/best.ckpt 2>/dev/null | tail -n 1))
demo: $(READY) $(VENDOR)
	@test -n "$(RUN)" || { echo "make demo: there is no translator yet. Type make translate first"; exit 1; }
	@echo "== exporting $(RUN)"
	rm -rf docs/demo/model.new
	$(BIN)/seqtext export $(RUN) docs/demo/model.new
	rm -rf docs/demo/model && mv docs/demo/model.new docs/demo/model
	@echo "== to see the page, type this, and open http://localhost:8000"
	@echo "   python3 -m http.server -b 127.0.0.1 -d docs/demo 8000"

$(VENDOR): docs/demo/package.json docs/demo/package-lock.json
	@command -v npm > /dev/null || { echo "make demo: needs Node.js, which brings npm"; exit 1; }
	@echo "== fetching ONNX Runtime for browsers (needs the network)"
	cd docs/demo && npm run --silent vendor
	@touch $@

test: $(READY)
	@echo "== running the quick tests (less than 4 minutes on 2 cores)"
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow"

test-all: $(READY)
	@echo "== running all tests"
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

# Warnings of other versions are no errors. Most modules of the packages are never imported: none is compiled ahead.
test-lowest test-newest: test-%:
	@echo "== running tests with the $* versions of other packages and PyTorch $(TORCH)"
	$(PYTHON) -m venv --clear $(VENV)/$*
	$(VENV)/$*/bin/python -m pip install --quiet --no-compile $(CONSTRAINT) torch==$(TORCH)
	$(VENV)/$*/bin/python -m pip install --quiet --no-compile $(CONSTRAINT) --editable '.[dev]'
	$(VENV)/$*/bin/python -m pytest -q -o filterwarnings=default $(DEPENDENT)

test-lowest: CONSTRAINT := --constraint .ci/lowest.txt

check: $(READY) $(LINTER)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(LINTER) --no-logo --no-cache

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
