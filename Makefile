# Everything that a contributor can do. Each command is a program in tools/ or host_tests/ that
# can be run by hand, too; tools/env.py sets up what it needs first.
#
#   make test ARGS="-k L5"         more arguments for the command
#   make MICROPYTHON=/path/to/it   another build of MicroPython's unix port
#   make PYTHON=python3.12         another Python than python3, 3.10 or newer
#   make flash BOARD=RPI_PICO_W    for a board: a folder of boards/; PORT=/dev/ttyACM0 if need be
#   SIGNALBOX_CACHE=/directory     where downloads and environments live; else ~/.cache/signalbox

PYTHON ?= python3
ARGS ?=
FUZZ_SECONDS ?= 30
SOAK_SECONDS ?= 120

ENV := $(PYTHON) tools/env.py
RUN := $(ENV) exec python
SIGNALBOX := $(RUN) tools/signalbox.py
# What the commands for a board have in common; what else they take: make flash ARGS=--help
BOARD_ARGS = $(if $(BOARD),--board "$(BOARD)") $(if $(PORT),--port "$(PORT)")
FILE_ARGS = $(if $(FIRMWARE),--firmware "$(FIRMWARE)")
export MICROPYTHON PICO_W_UF2 SIGNALBOX_CACHE

help:
	@echo "make TARGET [ARGS=...], with TARGET one of:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' Makefile

run: ## the firmware on this computer, a signalling server with a camera and its page: PORT=8443
	@$(RUN) tools/run.py $(ARGS)

test: ## every test that needs only Python, on CPython and on the unix port
	@$(RUN) tools/test.py $(ARGS)

autobahn: ## Autobahn|Testsuite against client and server on the unix port
	@$(RUN) host_tests/autobahn/install.py
	@port=$$($(ENV) micropython) && \
	$(RUN) host_tests/autobahn/run.py --micropython "$$port" --role both $(ARGS)

interop: ## real peers: the matrix, and GStreamer's systems: ARGS="--peers aiohttp" for a part
ifdef ARGS
	@$(RUN) host_tests/interop/run.py $(ARGS)
else
	@$(RUN) host_tests/peers/build.py
	@$(RUN) host_tests/interop/gst/gst_build.py
	@status=0; \
	$(RUN) -m pytest -q host_tests/peers || status=1; \
	$(RUN) host_tests/interop/run.py || status=1; \
	$(RUN) -m pytest -q host_tests/interop || status=1; \
	exit $$status
endif

page: ## the on-board page in Chromium, a person's way through it
	@$(RUN) -m pytest host_tests/page -rs $(ARGS)

bench: ## speed and memory beside other implementations, as ratios
	@$(RUN) host_tests/bench/run.py $(ARGS)

size: ## bytes per module and board, and RAM per connection, against the budgets
	@$(RUN) tools/size.py $(ARGS)

fuzz: ## bounded fuzzing against an independent implementation: FUZZ_SECONDS=30
	@$(RUN) host_tests/fuzz/run.py --seconds $(FUZZ_SECONDS) $(ARGS)

soak: ## the whole firmware among bad peers, until it leaks, stands or crashes: SOAK_SECONDS=120
	@$(RUN) host_tests/soak/run.py --seconds $(SOAK_SECONDS) $(ARGS)

board: ## the tests on an emulated Pico W: PICO_W_UF2=file, an image of MicroPython for it
	@$(RUN) -m pytest host_tests/board -rs --durations=5 -o faulthandler_timeout=0 $(ARGS)

flash: ## MicroPython, or IMAGE=file, onto a board: BOARD= PORT= FIRMWARE=file
	@$(SIGNALBOX) flash $(BOARD_ARGS) $(FILE_ARGS) $(if $(IMAGE),--image "$(IMAGE)") $(ARGS)

image: ## one file that boots straight into the application: BOARD= FIRMWARE=file
	@$(SIGNALBOX) image $(if $(BOARD),--board "$(BOARD)") $(FILE_ARGS) $(ARGS)

deploy: ## the application onto a board that runs MicroPython: BOARD= PORT=
	@$(SIGNALBOX) deploy $(BOARD_ARGS) $(ARGS)

provision: ## Wi-Fi, server, token and name onto a board: BOARD= PORT=
	@$(SIGNALBOX) provision $(BOARD_ARGS) $(ARGS)

monitor: ## what a board prints, with its tracebacks decoded: BOARD= PORT=
	@$(SIGNALBOX) monitor $(BOARD_ARGS) $(ARGS)

board-test: ## the portable tests on a connected board: BOARD= PORT=
	@$(SIGNALBOX) board-test $(BOARD_ARGS) $(ARGS)

doctor: ## what is attached, what is on it, what is wrong: BOARD= PORT= if you like
	@$(SIGNALBOX) doctor $(BOARD_ARGS) $(ARGS)

lint: ## ruff, mpy-cross for every architecture, types against the boards' stubs
	@$(RUN) tools/lint.py

diagram: ## the documentation's state diagram, from the table in ws/close.py
	@$(RUN) tools/diagram.py $(ARGS)

reference: ## the configuration reference, from the tables in config.py and the drivers
	@$(RUN) tools/reference.py $(ARGS)

packages: ## what mip and manifests install for each feature, from what the modules import
	@$(RUN) tools/packages.py $(ARGS)

clean: ## delete what the targets left in this directory (the shared cache stays)
	rm -rf build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find firmware host_tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run test autobahn interop page bench size fuzz soak board lint diagram reference clean
.PHONY: packages flash image deploy provision monitor board-test doctor
