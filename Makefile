# What a newcomer types. Everything else is `fealty --help`.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help up demo test thorough quick browser phones bench attack lint stubs contract lock clean

PYTHON ?= python3
BIN    := .venv/bin
PROTOS := $(wildcard protos/fealty/v1/*.proto)
# Each process of tests compiles all of them, for 9 s, where the last one was told to keep nothing.
unexport PYTHONDONTWRITEBYTECODE

help:      ## this list
	@grep -E '^[a-z]+: .*##|^[a-z]+:  *##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 17

up: .venv/service .venv/stubs      ## start everything here: PostgreSQL, Valkey, server, worker, clock
	@exec $(BIN)/fealty up

demo: .venv/demo .venv/stubs       ## replay a year of real baskets and coupons of 2,469 households
	@exec $(BIN)/fealty demo $(ARGS)

test: .venv/develop .venv/stubs    ## run the tests, against real PostgreSQL and Valkey
	$(BIN)/python -m pytest -n $${FEALTY_TEST_PROCESSES:-auto} --dist worksteal -m "not thorough" $(ARGS)

thorough: .venv/develop .venv/stubs ## run every test, with those that take a quarter of a minute and more each
	$(BIN)/python -m pytest -n $${FEALTY_TEST_PROCESSES:-auto} --dist worksteal $(ARGS)

quick: .venv/develop .venv/stubs   ## run the tests that start no processes and do not take long
	$(BIN)/python -m pytest -n $${FEALTY_TEST_PROCESSES:-auto} --dist worksteal -m "not process and not long and not thorough" $(ARGS)

browser: .venv/develop .venv/stubs ## open the public pages in headless Chromium, which must be on PATH
	$(BIN)/python -m pytest tests/wallet/web/browse.py $(ARGS)

phones: .venv/develop .venv/stubs  ## ten thousand runs of a phone whose cards change, over a network that loses things
	@exec $(BIN)/python -m tests.wallet.phones

bench: .venv/develop .venv/stubs   ## measure the ratios of docs/measuring.md and write bench/latest.json
	@exec $(BIN)/python -m bench $(ARGS)

attack: .venv/develop .venv/stubs  ## attack a Fealty of its own beside an honest caller, and kill its processes
	@exec $(BIN)/python -m attack $(ARGS)

lint: .venv/develop .venv/stubs    ## ruff, mypy --strict, import contracts, buf
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict protos/page.py
	$(BIN)/lint-imports --no-cache
	$(BIN)/python protos/generate.py --image protos/image.binpb
	$(BIN)/buf lint protos/image.binpb --path fealty --config protos/buf.yaml

stubs: .venv/stubs                 ## generate the client package's stubs from the .proto files

contract: .venv/develop .venv/stubs ## write docs/contract.md, the page of all calls, from the .proto files
	$(BIN)/python protos/page.py

lock: .venv/develop                ## resolve the requirements anew (needs uv)
	for set in service demo develop; do \
	  case $$set in service) extras="checkout embedded";; demo) extras="checkout embedded demo walletkit";; \
	                *) extras="checkout embedded demo walletkit develop";; esac; \
	  uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	     --no-emit-index-url --no-emit-find-links --no-header $$(printf -- '--extra %s ' $$extras) \
	     $$(test $$set = service || echo -c requirements/service.txt) -o requirements/$$set.txt || exit 1; \
	done

clean:     ## forget the environment and the stubs; the data in .fealty stays
	rm -rf .venv protos/buf protos/image.binpb protos/fealty/v1/*_pb2*.py* protos/fealty/v1/__init__.py \
	  protos/fealty/services.py protos/fealty/async_services.py

# An environment is as large as its use: `make up` does not install the linters, nor the demo's data.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Fealty needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv \
	  || { echo "Python's venv module is incomplete here; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }

.venv/service .venv/demo .venv/develop: .venv/%: requirements/%.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/stubs: $(PROTOS) protos/generate.py protos/generate_client.py | .venv/bin/python
	@test -e .venv/service || test -e .venv/demo || test -e .venv/develop || $(MAKE) --no-print-directory .venv/service
	$(BIN)/python protos/generate.py
	@touch $@
