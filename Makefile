# Two commands: `make lab` brings up a verified lab, `make test` runs every test.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help lab venv test quick lint bench lock clean

help:  ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

lab: $(STAMP)  ## Bring the lab up (LAB=file, default lab.toml), verify it, show it
	@$(BIN)/fab up verify status

venv: $(STAMP)  ## Make the Python environment only

test: $(STAMP) lint  ## Run every test, also those on real hosts
	@$(BIN)/python -m pytest tests

quick: $(STAMP)  ## Run the tests that need neither hosts nor terraform
	@$(BIN)/python -m pytest -q -m 'not host and not terraform' tests

lint: $(STAMP)  ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(STAMP)  ## Measure; PEER=folder with the baselines runs them on the same hosts
	@$(BIN)/python -m bench $(if $(PEER),--peer $(PEER))

# The lock names every package with its digest; pip refuses anything else.
$(STAMP): requirements.lock scripts/venv.sh
	@PYTHON=$(PYTHON) scripts/venv.sh $(VENV)
	@touch $@

lock: $(STAMP)  ## Write requirements.lock anew from pyproject.toml
	@$(BIN)/python -m pip -q install pip-tools
	@$(BIN)/pip-compile -q --generate-hashes --strip-extras --extra dev --extra aws \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  -o requirements.lock pyproject.toml

clean:  ## Remove the Python environment and caches of this folder (not the lab: `fab down`)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
