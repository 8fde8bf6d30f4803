# Two commands do everything: `make run` and `make test`. Both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 8
# MicroPython's stubs, in a folder of their own: they would hide CPython's modules from the host tools
STUBS := micropython-unix-stubs==1.29.0.post1 micropython-stdlib-stubs==1.29.0.post2

.PHONY: run test fleet boards ontarget bench check format fuzz powerloss updates soak clean

$(VENV)/.run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

# Clients of the A-route in an environment of their own: some are GPL, and run as programs of their own only
CLIENTS := tests/conformance/clients/requirements.txt
$(VENV)/.clients: $(CLIENTS) $(VENV)/.run
	$(PYTHON) -m venv $(VENV)/clients
	$(VENV)/clients/bin/pip install --quiet --disable-pip-version-check -r $(CLIENTS)
	@touch $@

$(VENV)/.check: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[check]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(VENV)/typings $(STUBS)
	@touch $@

run: $(VENV)/.run          ## A whole meter on this desk, with a house behind it. Ctrl-C ends it.
	$(BIN)/keiki bench --load house --guide

test: $(VENV)/.test $(VENV)/.clients ## All tests (12 minutes on two cores)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests

FUZZ_SEED ?= 1
FUZZ_MPY := MICROPYPATH=firmware:tests/pure:.frozen $(BIN)/micropython -X heapsize

fuzz: $(VENV)/.test        ## 10 million frames, SK lines and APDUs each, and some of them on MicroPython
	$(BIN)/python tests/fuzz/echonet.py 10000000 $(FUZZ_SEED)
	$(BIN)/python tests/fuzz/sk.py 10000000 $(FUZZ_SEED)
	$(BIN)/python tests/fuzz/cosem.py 10000000 $(FUZZ_SEED)
	$(FUZZ_MPY)=128wK tests/fuzz/echonet.py 500000 $(FUZZ_SEED)
	$(FUZZ_MPY)=128wK tests/fuzz/sk.py 100000 $(FUZZ_SEED)
	$(FUZZ_MPY)=192wK tests/fuzz/cosem.py 200000 $(FUZZ_SEED)

powerloss: $(VENV)/.test   ## 100,000 power cuts in the flash log, 100,000 in the meter, 200 while momonga reads
	PYTHONPATH=tests/pure $(BIN)/python tests/powerloss/test_flashlog_cuts.py 100000
	$(BIN)/python tests/powerloss/test_meter_cuts.py 100000
	$(BIN)/python tests/powerloss/sigkill.py 200

ontarget: $(VENV)/.test    ## The meter on an emulated Pico, for an hour and through power cuts; KEIKI_RP2_UF2 names MicroPython (2 hours)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[ontarget]'
	$(BIN)/python -m pytest -s --long tests/ontarget

soak: $(VENV)/.test        ## 10,000 associations with a whole meter on the A-route, and its heap after them (3 minutes)
	$(BIN)/python tests/soak_aroute.py 10000

fleet: $(VENV)/.test       ## 1,000 meters over 3 days, with outages; 1,000 without: in time (25 minutes)
	$(BIN)/python tests/fleet/prove.py outages
	$(BIN)/python tests/fleet/prove.py delivery 1000 1

updates: $(VENV)/.test     ## The power of a meter cut at every block of an update (20 minutes)
	$(BIN)/python tests/powerloss/update_kills.py

boards: $(VENV)/.test      ## 50 boards of each metering IC calibrated, the worst of each shown, and one each with its firmware (15 minutes)
	KEIKI_BOARDS=50 $(BIN)/python -m pytest -s tests/host/test_calibrate_boards.py tests/process/test_calibrate_bench.py

bench: $(VENV)/.test $(VENV)/.clients ## Ten years of flash, beside littlefs; what a boot reads, what a sample costs; the A-route beside a simulator; the head-end's store and collector (20 minutes)
	$(BIN)/python tests/bench_flash.py 10
	$(BIN)/python -m pytest -s tests/powerloss/test_boot_bytes.py
	$(BIN)/python -m pytest -s tests/process/test_sampling_cost.py
	$(BIN)/python tests/bench_aroute.py
	$(BIN)/python tests/bench_headend.py ingest
	$(BIN)/python tests/bench_listener.py
	$(BIN)/python tests/bench_listener.py decode
	$(BIN)/python tests/bench_headend.py queries 50

check: $(VENV)/.check      ## Format, lint, types, import rules, boards, sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright --project pyrightconfig.json
	$(BIN)/python -m pytest tests/host/test_import_rules.py tests/host/test_boards.py tests/size

sizes: $(VENV)/.test      ## What each board is given and what it takes of the heap; writes boards/sizes.toml anew
	$(BIN)/python tests/size/test_sizes.py

format: $(VENV)/.check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
