# Everything here works as the very first command on a fresh clone: what a target needs is made for it.

PYTHON ?= python3
CORPUS ?= corpus
TOKENS ?= tokens
RUN ?= trained
PRESET ?= 5M
EXPERIMENT ?= experiment
RECIPE ?= quickstart
INPUT ?= installed:
WORKERS ?=

SHELL := /bin/sh
BIN := .venv/bin
INSTALLED := .venv/installed
TYPES := build/types/tamis
PACKAGES := $(sort $(patsubst %/,%,$(dir $(wildcard pipeline/*.py filters/*.py tokenize/*.py model/*.py recipes/*.py))))
PIP := -P -m pip --disable-pip-version-check --quiet
# A corpus keeps its own recipe; one named in the call goes before it.
NAMED := $(if $(filter-out file,$(origin RECIPE)),--recipe $(RECIPE))
SPEED := $(if $(WORKERS),--workers $(WORKERS))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run ingest language perplexity dedup heuristics decontaminate write tokenize train ablate report test check kills bench lock clean python

help:  ## What there is to make
	@echo "make TARGET [CORPUS=$(CORPUS)] [TOKENS=$(TOKENS)] [RUN=$(RUN)] [PRESET=$(PRESET)] [EXPERIMENT=$(EXPERIMENT)] [RECIPE=$(RECIPE)] [INPUT=$(INPUT)] [WORKERS=all cores] [PYTHON=$(PYTHON)]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(INSTALLED)  ## INPUT through every stage of RECIPE into CORPUS, and what that was worth to small Llamas into EXPERIMENT
	$(BIN)/tamis run $(RECIPE) $(INPUT) -o $(CORPUS) $(SPEED)
	$(BIN)/tamis ablate $(CORPUS) -o $(EXPERIMENT) --arms raw,full --tokens 1M --balance $(SPEED)

ingest: $(INSTALLED)  ## Only read INPUT into CORPUS
	$(BIN)/tamis ingest $(INPUT) -o $(CORPUS) --recipe $(RECIPE) $(SPEED)

language: $(INSTALLED)  ## Only measure the languages in CORPUS
	$(BIN)/tamis language $(CORPUS) $(NAMED) $(SPEED)

perplexity: $(INSTALLED)  ## Only score CORPUS by n-gram models of good text, trained first if need be
	$(BIN)/tamis perplexity $(CORPUS) $(NAMED) $(SPEED)

dedup: $(INSTALLED)  ## Only look for copies in CORPUS, near and exact
	$(BIN)/tamis dedup $(CORPUS) $(NAMED) $(SPEED)

heuristics: $(INSTALLED)  ## Only measure words, lines and repeats in CORPUS
	$(BIN)/tamis heuristics $(CORPUS) $(NAMED) $(SPEED)

decontaminate: $(INSTALLED)  ## Only look in CORPUS for what its recipe's evaluation sets hold
	$(BIN)/tamis decontaminate $(CORPUS) $(NAMED) $(SPEED)

ablate: $(INSTALLED)  ## What each stage of CORPUS's recipe is worth, by Llamas trained with and without it, into EXPERIMENT
	$(BIN)/tamis ablate $(CORPUS) -o $(EXPERIMENT) $(NAMED) $(SPEED)

report: $(INSTALLED)  ## A page about CORPUS: funnel, reasons, histograms with bounds, samples
	$(BIN)/tamis report $(CORPUS) $(NAMED)

write: $(INSTALLED)  ## Only write what CORPUS keeps to CORPUS/cleaned
	$(BIN)/tamis write $(CORPUS) $(NAMED) $(SPEED)

tokenize: $(INSTALLED)  ## Encode what CORPUS keeps, shuffled, into TOKENS; its vocabulary is learnt first if need be
	$(BIN)/tamis tokenize $(CORPUS) -o $(TOKENS) $(NAMED) $(SPEED)

train: $(INSTALLED)  ## Train a Llama of size PRESET on TOKENS, which are made first if need be, into RUN
	test -e $(TOKENS)/tokens.json || $(BIN)/tamis tokenize $(CORPUS) -o $(TOKENS) $(NAMED) $(SPEED)
	$(BIN)/tamis train $(TOKENS) -o $(RUN) --preset $(PRESET)

test: $(INSTALLED)  ## Check, then test
	@$(BIN)/python -m compileall -q $(PACKAGES) tests  # else every command of a test compiles tamis
	@$(BIN)/python tests/kernels.py & $(MAKE) --no-print-directory check && wait
	$(BIN)/pytest -n auto --dist worksteal

check: $(INSTALLED) $(TYPES)  ## Lint, format and types, without changing a file
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	MYPYPATH=build/types $(BIN)/mypy $(PACKAGES:%=-p tamis.%)

kills: check  ## Kill a run at 20 random moments, resume it, compare every byte
	TAMIS_KILLS=20 $(BIN)/pytest tests/laws/test_interrupt_anywhere.py

bench: $(INSTALLED)  ## Side by side with other libraries
	$(BIN)/python $(PIP) install -c requirements.lock -e '.[bench]'
	$(BIN)/python benchmarks/run.py

lock: python  ## Write requirements.lock anew: the newest releases that go together
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python $(PIP) install -e '.[dev]'
	build/lock/bin/python $(PIP) freeze --exclude-editable > build/lock/frozen
	@! grep ' @ ' build/lock/frozen || { echo "not from an index, so not to be pinned" >&2; exit 1; }
	sed -n 's/^\([A-Za-z0-9._-]*==[^+ ;]*\).*$$/\1/p' build/lock/frozen > requirements.lock
	rm -rf build/lock

clean:  ## Remove what make made, but no corpus
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml requirements.lock
	@$(MAKE) --no-print-directory python
	@echo "installing what tamis needs into .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP) install -c requirements.lock -e '.[dev]'
	@touch $@

# Type checkers find the package `tamis`, which is this folder, behind a link of that name.
$(TYPES):
	@mkdir -p $(@D)
	@ln -sfn ../.. $@

python:
	@command -v $(PYTHON) > /dev/null || { \
		echo "tamis needs Python 3.11 or later, and there is no $(PYTHON): name one, make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "tamis needs Python 3.11 or later, and $(PYTHON) is older: name another, make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv and ensurepip" \
			"(Debian, Ubuntu: the package python3-venv)" >&2; exit 1; }
