# `make run` and `make test` do all set-up themselves, on a bare Debian with Rust and Node.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# A target directory outside the checkout survives a fresh clone; set CARGO_TARGET_DIR to choose another.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/watchfire
export CARGO_TARGET_DIR ?= $(shell mkdir -p $(CACHE)/target 2>/dev/null && test -w $(CACHE)/target && echo $(CACHE)/target || echo $(CURDIR)/target)
export PCO_DISMISS_BUILD_WARNINGS := 1
# Where `make setup` puts senders of logs of other makes; tests whose sender is absent say so and pass.
CLIENTS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/watchfire-test
export WATCHFIRE_TEST_PYTHON ?= $(CLIENTS)-clients/bin/python
export WATCHFIRE_TEST_PYTHON_ES7 ?= $(CLIENTS)-clients-es7/bin/python
export WATCHFIRE_TEST_PYTHON_ES8 ?= $(CLIENTS)-clients-es8/bin/python
export WATCHFIRE_TEST_SYSLOG_NG ?= $(CLIENTS)-syslog-ng
SHARED := $(abspath $(CURDIR)/../shared)

.PHONY: help
help: ## Shows this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: console ## Builds and starts Watchfire on this machine, at http://127.0.0.1:7766
	cargo build --release --locked -p watchfire
	exec $(CARGO_TARGET_DIR)/release/watchfire

.PHONY: console
console: console/dist/index.html

console/node_modules/.package-lock.json: console/package-lock.json
	cd console && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json

console/dist/index.html: console/node_modules/.package-lock.json $(shell find console/src console/index.html console/vite.config.ts -type f 2>/dev/null)
	cd console && npm run --silent build && touch dist/index.html

.PHONY: setup
setup: ## Installs what the tests use besides Rust and Node (Chromium, real peers), where it can
	@scripts/setup-tests

.PHONY: lint
lint: console ## Formatting, clippy, rustdoc, licences of the console's and the server's code
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	cd console && npm run --silent lint
	scripts/check-house

.PHONY: test
test: setup console lint ## Everything that must hold: lints, tests, PromQL conformance, the console in Chromium
	cargo test --locked --workspace
	cargo build --locked --workspace --bin watchfire
	@if [ -d $(SHARED)/promqltest ]; then scripts/check-promql; else echo "$(SHARED)/promqltest is absent: PromQL conformance is not checked"; fi
	cd console && npm run --silent test && npm run --silent size
	cd console && WATCHFIRE_BIN=$(CARGO_TARGET_DIR)/debug/watchfire npm run --silent e2e

.PHONY: demo
demo: console ## A shop of instrumented services with a fault to find, watched by Watchfire: see docs/demo.md
	$(if $(WATCHFIRE_BIN),,cargo build --release --locked -p watchfire)
	@WATCHFIRE_BIN=$${WATCHFIRE_BIN:-$(CARGO_TARGET_DIR)/release/watchfire} exec scripts/demo run.py

.PHONY: demo-check
demo-check: console ## The demo in two minutes: every signal arrives, and they are connected
	$(if $(WATCHFIRE_BIN),,cargo build --locked --workspace --bin watchfire)
	@WATCHFIRE_BIN=$${WATCHFIRE_BIN:-$(CARGO_TARGET_DIR)/debug/watchfire} exec scripts/demo check.py

.PHONY: fuzz-smoke
fuzz-smoke: ## Every decoder on mutated input, longer than in `make test`
	FUZZ_ITERATIONS=2000000 cargo test --release --locked -p fuzz -- --nocapture

.PHONY: fuzz
fuzz: ## Every decoder with libFuzzer, guided by coverage, for FUZZ_SECONDS (60) each
	scripts/fuzz $(or $(FUZZ_SECONDS),60)

.PHONY: torture
torture: ## 300 rounds of kill -9 under load, 10,000 changes of alerts under kills, 10,000 seeds of simulated power loss
	cargo build --release --locked -p watchfire
	WATCHFIRE_SEEDS=10000 cargo test --release --locked -p journal -p blocks -p index -p tsdb
	cargo run --release --locked -p workload -- --binary $(CARGO_TARGET_DIR)/release/watchfire torture --rounds 300
	cargo run --release --locked -p workload -- --binary $(CARGO_TARGET_DIR)/release/watchfire transitions

.PHONY: bench
bench: console ## Kernels with criterion; end to end against peers with the driver in ../shared/bench
	cargo build --release --locked -p watchfire
	scripts/bench
