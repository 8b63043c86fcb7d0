# `make lab` and `make test` are all that a newcomer needs; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The tests need the same flags as the program, so that nothing is compiled twice.
BUILD := -c release -Xswiftc -enable-testing
PYTHON := .venv/bin/python
# A Python that has torch: only `make bench` asks for it, and does without.
PYTHON_TORCH ?= $(PYTHON)
LAB := .build/release/swift-lab
# The simulated GPU, and what its compiler makes of the kernels.
SIMULATED := $(CURDIR)/.build/simulated-gpu
# They go when the build goes.
STAMPS := .build/stamps
# Folders too: their time changes when a file is removed.
SOURCES := Package.swift $(shell find Sources)
TESTS := $(shell find Tests -name '*Tests' -o -name '*.swift')

# No rule of make's own: it would compile a folder that has the name of a C file beside it.
MAKEFLAGS += --no-builtin-rules
# One step prepares the next.
.NOTPARALLEL:
.PHONY: help lab test build toolchain packages python data kernelspec test-packages test-python test-libraries test-gpu \
	format lint bench bench-kernel notebooks clean

help: ## lists the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 18

lab: toolchain packages python data build kernelspec ## installs what is missing, builds, and opens JupyterLab
	@$(LAB) install --quiet --user
	@$(PYTHON) scripts/start_lab.py

# One after the other: the wish to interrupt and the front end belong to the process, which all Swift tests share. On the
# processor, whose bits they know, also where there is a GPU.
test: toolchain test-packages test-python data $(STAMPS)/tests kernelspec ## runs all tests
	@failed=0; \
	SWIFT_LAB_DEVICE=cpu swift test $(BUILD) --skip-build --disable-xctest --no-parallel || failed=1; \
	$(MAKE) --silent test-gpu || failed=1; \
	$(PYTHON) -m pytest Tests || failed=1; \
	exit $$failed

# Operations whose operands are moved there, and whole runs; then models whose parameters are made there, since a GPU is
# what tensors are made on where there is one.
test-gpu: toolchain ## runs the tests of operations, optimizers and training on the simulated GPU
	@Tests/SimulatedGPU/build $(SIMULATED)/plain
	@export SWIFT_LAB_CUDA=$(SIMULATED)/plain XDG_CACHE_HOME=$(SIMULATED)/cache; \
	SWIFT_LAB_DEVICE=cpu SWIFT_LAB_TEST_DEVICE=cuda:0 swift test $(BUILD) --skip-build --disable-xctest --no-parallel \
		--filter 'OperationTests|DeviceTests|DeviceTrainingTests' && \
	swift test $(BUILD) --skip-build --disable-xctest --no-parallel \
		--filter 'OptimizerTests|CallFormTests|tenEpochsAreFiveAndFive|aRunCanBeTurned|aResumedRunStarts'

test-libraries: toolchain test-packages ## holds what we say of cuBLAS and cuDNN against the real ones (over 1 GB)
	@scripts/install-python libraries
	@$(PYTHON) -m pytest Tests/CUDA/test_libraries.py

build: $(STAMPS)/program ## builds the program in release mode

format: ## lays out the Swift sources
	@swift format --in-place --parallel --recursive Package.swift Sources Tests

lint: ## says where a Swift source or a script is not as it should be
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests
	@for script in .ci/run scripts/build scripts/gpu-* scripts/install-* Tests/SimulatedGPU/build; do bash -n $$script; done

bench: toolchain packages python data build kernelspec ## prints the figures that are promised, beside PyTorch's (PYTHON_TORCH=…)
	@$(LAB) bench
	@if $(PYTHON_TORCH) -c 'import torch' 2> /dev/null; then $(PYTHON_TORCH) scripts/bench_pytorch.py; else \
		echo 'PyTorch is not installed in .venv; PYTHON_TORCH=/path/to/python make bench takes it from elsewhere.'; fi

bench-kernel: toolchain packages test-python data build kernelspec ## prints the kernel's figures beside ipykernel's
	@$(PYTHON) scripts/bench_kernel.py

notebooks: toolchain packages test-python data build kernelspec ## runs the notebooks and saves their outputs
	@$(PYTHON) scripts/run_notebooks.py notebooks/*.ipynb

clean: ## removes what was built and installed inside the project
	@rm -rf .build .lab .venv

toolchain:
	@command -v swift > /dev/null || { \
		echo 'There is no "swift" on the PATH: install a Swift 6.3 toolchain, put its usr/bin on the PATH and run this again.' >&2; \
		exit 2; }

packages: toolchain
	@scripts/install-packages lab

test-packages: toolchain
	@scripts/install-packages test

python: packages
	@scripts/install-python lab

test-python: packages
	@scripts/install-python test

data: python
	@scripts/install-data

# For the JupyterLab in .venv; `make lab` registers it for any other that the user has, too.
kernelspec: build
	@$(LAB) install --quiet --prefix .venv

$(STAMPS)/program: $(SOURCES) | toolchain packages
	@scripts/build "$@" $(BUILD)

$(STAMPS)/tests: $(SOURCES) $(TESTS) | toolchain packages
	@scripts/build "$@" $(BUILD) --build-tests
	@cp --preserve=timestamps "$@" $(STAMPS)/program
