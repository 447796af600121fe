# Every command a person needs. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help build test quickstart lint format bench bench-check bench-experiments bench-daemon interop torture fuzz tsan tiles builds unit docs install clean

PREFIX ?= /usr/local
# Of compare_pytorch; --compile wants a C++ compiler.
BENCH ?= --compile --seconds 3
SOURCES := Package.swift Sources Tests Benchmarks
# Tests need their modules built testable, so they have a build folder of their own and spoil nobody else's.
TESTING := --scratch-path .build/testing

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the program: .build/release/bitlab
	swift build -c release --product bitlab

test: ## Run all tests
	swift test -c release --disable-xctest $(TESTING)

quickstart: build ## Train two small experiments on the built-in digits and print their summaries
	.build/release/bitlab run configs/quickstart.json configs/quickstart-vit.json

lint: ## Check formatting and style
	swift format lint --strict --parallel --recursive $(SOURCES)

format: ## Format all Swift sources
	swift format --in-place --parallel --recursive $(SOURCES)

bench: build ## Measure products and training beside PyTorch, 45 minutes; PYTHON=... has torch and numpy
	.build/release/bitlab bench
	Benchmarks/compare_gemm --python $(or $(PYTHON),python3)
	Benchmarks/compare_pytorch --python $(or $(PYTHON),python3) $(BENCH)

bench-check: build ## The same ratios beside the checked-in ones: warns where one is 10% worse
	Benchmarks/compare_gemm --python $(or $(PYTHON),python3) --check Benchmarks/Results/products-*.json
	Benchmarks/compare_pytorch --python $(or $(PYTHON),python3) --check Benchmarks/Results/training-*.json $(BENCH)

bench-experiments: build ## Whole experiments beside PyTorch; PYTHON=... has torch, DATA=... the data sets
	Benchmarks/compare_experiment --python $(or $(PYTHON),python3) --data $(or $(DATA),data)

bench-daemon: ## Measure the daemon: many configs at once, time to the first step, cost beside bare arithmetic
	swift build -c release --product bitlab
	swift build -c release --product bitlab-benchmarks
	.build/release/bitlab-benchmarks queue --run-all
	.build/release/bitlab-benchmarks latency
	.build/release/bitlab-benchmarks overhead
	.build/release/bitlab-benchmarks tables

interop: build ## Check weights and results from Python; PYTHON=... has Tests/Fixtures/requirements.txt
	$(or $(PYTHON),python3) -m pytest -q -p no:cacheprovider Tests/Interop
	$(or $(PYTHON),python3) Tests/Interop/check_program.py .build/release/bitlab

torture: ## Kill the daemon 200 times (ROUNDS=...), fail each of its file operations; results must be undisturbed
	BITLAB_TORTURE_ROUNDS=$(or $(ROUNDS),200) BITLAB_EVERY_FAULT=1 swift test -c release --disable-xctest $(TESTING) \
	  --filter 'TortureTests|DaemonFaultTests'

fuzz: ## Read damaged model files for a minute (SECONDS=...), from a seed of today's (SEED=...)
	BITLAB_FUZZ_SECONDS=$(or $(SECONDS),60) BITLAB_FUZZ_SEED=$(or $(SEED),$(shell date +%s)) swift test -c release \
	  --disable-xctest $(TESTING) --filter WeightFileTests.damagedFilesAreReadOrRefused

# A debug build, in a folder of its own. The programs that the tests start are sanitized too and fail by exit code 66.
# Skipped is what limits the size of files, since the sanitizer maps a large one for itself, and what limits addresses, of
# which it takes terabytes.
TSAN_TESTS := ^(SchedulerTests|FilesTests|ExperimentsTests|BitLabTests)\.|TeamTests|ComputePoolTests|TrainingStepTests
TSAN_SKIPPED := aRunThatCannotWriteFailsAndTheOthersGoOn|filesAreLimitedInSize|aDiskThatIsFullIsSaid|BenchTests|noRoomForThreads|memoryThatCanNeverBe|memoryIsReserved

tsan: ## Run the concurrent tests under the thread sanitizer; any race fails
	mkdir -p .build/tsan
	clang -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -fPIC -c scripts/tsan-mutex.c -o .build/tsan/tsan-mutex.o
	TSAN_OPTIONS="halt_on_error=1 exitcode=66" BITLAB_TORTURE_ROUNDS=3 swift test --disable-xctest \
	  --scratch-path .build/tsan --sanitize=thread -Xlinker $(abspath .build/tsan/tsan-mutex.o) \
	  --filter '$(TSAN_TESTS)' --skip '$(TSAN_SKIPPED)'

tiles: ## Check in the compiled code that the micro-kernel's sums stay in registers, for AVX2 and for AVX-512
	scripts/check-tiles

builds: ## Check that the build for any CPU with AVX2 and this CPU's, with each of its kernels, give the same bytes
	scripts/check-builds

unit: build ## Check the systemd unit with systemd-analyze
	mkdir -p .build/unit
	sed 's|/usr/local/bin/bitlab|$(abspath .build/release/bitlab)|' dist/bitlab.service > .build/unit/bitlab.service
	# What it cannot parse it only mentions.
	@systemd-analyze verify .build/unit/bitlab.service > .build/unit/report 2>&1; code=$$?; cat .build/unit/report; \
	  test $$code -eq 0 && ! grep -q 'unit/bitlab\.service' .build/unit/report

docs: ## Build the API documentation: .build/documentation
	scripts/build-docs

# Builds nothing: whoever installs may be root, and another one has built.
PLACE = $(DESTDIR)$(PREFIX)
install: ## Install what `make build` has built under PREFIX (default /usr/local)
	@test -x .build/release/bitlab || { echo 'there is no .build/release/bitlab: run `make build` first' >&2; exit 1; }
	install -d "$(PLACE)/bin" "$(PLACE)/share/man/man1" "$(PLACE)/share/bash-completion/completions" \
	  "$(PLACE)/share/zsh/site-functions" "$(PLACE)/share/fish/vendor_completions.d" "$(PLACE)/share/bitlab/configs" \
	  "$(PLACE)/lib/systemd/system"
	install -m 755 .build/release/bitlab "$(PLACE)/bin/bitlab"
	.build/release/bitlab manual | install -m 644 /dev/stdin "$(PLACE)/share/man/man1/bitlab.1"
	.build/release/bitlab completions bash | install -m 644 /dev/stdin "$(PLACE)/share/bash-completion/completions/bitlab"
	.build/release/bitlab completions zsh | install -m 644 /dev/stdin "$(PLACE)/share/zsh/site-functions/_bitlab"
	.build/release/bitlab completions fish | install -m 644 /dev/stdin "$(PLACE)/share/fish/vendor_completions.d/bitlab.fish"
	install -m 644 configs/*.json "$(PLACE)/share/bitlab/configs"
	sed 's|/usr/local/bin/bitlab|$(PREFIX)/bin/bitlab|' dist/bitlab.service \
	  | install -m 644 /dev/stdin "$(PLACE)/lib/systemd/system/bitlab.service"

clean: ## Remove what was built; results stay
	rm -rf .build
