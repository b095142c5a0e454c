# Two commands: `make lab` brings up a verified lab, `make test` runs every test.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What `make lab` needs, and everything: tests, checks and AWS as well.
SOME := $(VENV)/.lab
STAMP := $(VENV)/.installed
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kafkalab/tools

.PHONY: help lab venv test test-full quick lint docs settings bench shots lock clean \
  bindings snapshots recordings test-equivalence test-checkov test-growth \
  test-other-engine workflow-tools

help:  ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-18s %s\n", $$1, $$2}' Makefile

lab: $(SOME)  ## Bring the lab up (LAB=file, default lab.toml), verify it, show it
	@$(BIN)/fab up verify status
	@echo "next: source $(BIN)/activate$(if $(LAB), && export LAB=$(LAB)); fab then shows where to begin"

venv: $(STAMP)  ## Make the Python environment only, with all that is not needed for the lab, too

test: $(STAMP)  ## Run every check and test, also those on real hosts, within their quotas
	@$(BIN)/python -m tests.run

test-full: $(STAMP)  ## Run whole what `make test` samples from (PART="name …"; PART=list shows them)
	@$(BIN)/python -m tests.run full $(PART)

quick: $(STAMP)  ## Run the tests that need no hosts, terraform or emulator, and start no programs
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile \
	  -m 'not host and not terraform and not aws and not programs' tests

# Where one cannot be had, its test is skipped and says so; with CI=true it fails.
workflow-tools: $(STAMP)  ## Get actionlint and zizmor, which check .github, into the cache
	@PYTHON=$(BIN)/python .github/tools.sh $(TOOLS)

lint: $(STAMP)  ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/mypy

docs: $(STAMP)  ## Write the tables and schemas of docs/ anew from the program
	@$(BIN)/python -m docs.tables
	@$(BIN)/python -m docs.schemas

# It takes a JDK, and the jars of each version of Kafka that the lab file accepts.
settings: $(STAMP)  ## Write Kafka's own definitions of its settings anew from its jars
	@$(BIN)/python -m scripts.software.definitions

bench: $(STAMP)  ## Measure; PEER=folder with the baselines runs them, too
	@$(BIN)/python -m bench $(if $(PEER),--peer $(PEER))
	@$(MAKE) --no-print-directory test-equivalence

# It takes Debian's chromium.
shots: $(STAMP)  ## Make the pictures of docs/ anew, of the lab that is up (LAB), a broker of which it kills
	@$(BIN)/python -m bench.shots

# A clone that Windows made may have carriage returns, of which bash says nothing anybody understands.
define with_line_ends_of_linux
@if grep -q "$$(printf '\r')" scripts/venv.sh; then \
  echo "error: this clone has the line ends of Windows (CRLF); clone it anew within Linux, or:" \
    "git config core.autocrlf false && git rm -rq --cached . && git reset --hard" >&2; exit 1; fi
endef

# As in venv.sh: where no import may write down what it compiled, it is done here once.
define compiled
@[ -z "$${PYTHONDONTWRITEBYTECODE:-}" ] || $(BIN)/python -m compileall -q lab scripts programs stacks
endef

# The locks name every package with its digest; pip refuses anything else.
$(SOME): requirements-lab.lock scripts/venv.sh
	$(with_line_ends_of_linux)
	@PYTHON=$(PYTHON) scripts/venv.sh $(VENV) $<
	$(compiled)
	@touch $@

$(STAMP): requirements.lock scripts/venv.sh
	$(with_line_ends_of_linux)
	@PYTHON=$(PYTHON) scripts/venv.sh $(VENV) $<
	$(compiled)
	@touch $@ $(SOME)

lock: $(STAMP)  ## Write both locks anew from pyproject.toml
	@$(BIN)/python -m ensurepip >/dev/null
	@$(BIN)/python -m pip -q install pip-tools
	@$(BIN)/pip-compile -q --generate-hashes --strip-extras --extra dev --extra aws \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  -o requirements.lock pyproject.toml
	@$(BIN)/pip-compile -q --generate-hashes --strip-extras --constraint requirements.lock \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  -o requirements-lab.lock pyproject.toml

# Both are large and change nothing of what the lab needs: each has an environment of its own.
PREBUILT := .venv-equivalence
CHECKOV := .venv-checkov

$(PREBUILT)/.installed: tests/equivalence/requirements.txt
	@$(PYTHON) -m venv $(PREBUILT)
	@$(PREBUILT)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(CHECKOV)/.installed: tests/checkov/requirements.txt
	@$(PYTHON) -m venv $(CHECKOV)
	@$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bindings: $(PREBUILT)/.installed  ## Write stacks/aws.py anew from the prebuilt provider's schema
	@$(PREBUILT)/bin/python -m stacks.generate > $(PREBUILT)/aws.py
	@mv $(PREBUILT)/aws.py stacks/aws.py

snapshots: $(STAMP)  ## Write anew what the tests compare stacks and verdicts with; see `git diff`
	@KAFKALAB_SNAPSHOTS=write $(BIN)/python -m pytest -q tests/stacks/test_stacks.py \
	  tests/lab/learning/test_recorded.py -k as_before

# It takes a lab that runs, as LAB names it, and brings each exercise back to its first state.
recordings: $(STAMP)  ## Record the facts that exercises are tested with anew (EXERCISE=id, or all)
	@$(BIN)/python -m tests.recordings $(EXERCISE)

test-equivalence: $(STAMP) $(PREBUILT)/.installed  ## Hold the stacks against the prebuilt provider
	@$(BIN)/python -m tests.equivalence $(PREBUILT)/bin/python

test-growth: $(STAMP)  ## Measure a lab of 140 hosts in 5 regions: synthesis, plan, inventory, audit
	@$(BIN)/python -m tests.growth

test-other-engine: $(STAMP)  ## Synthesize the stacks with cdktn, too
	@KAFKALAB_CDK=cdktn $(BIN)/python -m pytest -q tests/stacks/test_stacks.py

test-checkov: $(STAMP) $(CHECKOV)/.installed  ## Run checkov on the synthesized stacks
	@$(BIN)/python -m tests.checkov $(CHECKOV)/bin/checkov

clean:  ## Remove the Python environments and caches of this folder (not the lab: `fab down`)
	@rm -rf $(VENV) $(PREBUILT) $(CHECKOV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
