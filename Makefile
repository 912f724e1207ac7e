# The developer's whole surface; `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# How long `make fuzz` spends on each target, and which: FUZZ='^op/FuzzToken$$'.
FUZZTIME ?= 10m
FUZZ ?=
# What is given to the program: make run ARGS="--log-level debug"
ARGS ?=

.PHONY: help
help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/idp; with cgo, for OpenSSL and PKCS#11, where a C compiler is (CGO_ENABLED=0: without).
	@go build -trimpath -tags netgo,osusergo -ldflags '-X main.version=$(VERSION)' -o bin/idp ./cmd/idp

.PHONY: run
run: build ## Run the provider on http://localhost:8080 (ARGS="…" adds flags).
	@deploy/dev/prerequisites.sh postgresql
	@exec bin/idp serve $(ARGS)

.PHONY: demo
demo: build ## Show the main job: a brand, its provider and a conversation window on this machine.
	@deploy/dev/prerequisites.sh postgresql
	@exec bin/idp demo $(ARGS)

.PHONY: conformance-target
conformance-target: build ## Run what OpenID's conformance suite tests, on https (ARGS="-issuer …").
	@deploy/dev/prerequisites.sh postgresql
	@go build -o bin/idp-conformance ./cmd/idp-conformance
	@exec bin/idp-conformance -target $(ARGS)

.PHONY: conformance-config
conformance-config: ## Write the suite's configuration for it, bin/conformance/config.json (same ARGS).
	@go run ./cmd/idp-conformance $(ARGS)

# What takes longest begins first, and no test program sleeps for a second before it
# ends, as the race detector has it by default.
.PHONY: test
test: modules ## Run all tests but interop with the race detector; installs what they need.
	@deploy/dev/prerequisites.sh compiler curl postgresql chromium nginx java php softhsm
	GORACE=atexit_sleep_ms=0 go test -race -timeout 20m -skip '^TestInterop$$' ./web/e2e ./cmd/idp ./web/demo ./...

.PHONY: interop
interop: modules ## Let other people's relying parties sign in, refresh and sign out; installs what they need.
	@deploy/dev/prerequisites.sh compiler postgresql chromium apache
	go test -race -timeout 5m -run '^TestInterop$$' ./web/e2e

.PHONY: modules
modules:
	@deploy/dev/prerequisites.sh node
	@find . -name package-lock.json -not -path '*/node_modules/*' | while read -r lock; do \
		folder=$$(dirname "$$lock"); \
		[ "$$folder/node_modules/.package-lock.json" -nt "$$lock" ] || npm ci --no-audit --no-fund --prefix "$$folder"; \
	done

.PHONY: lint
lint: ## Run go vet and every linter of .golangci.yml.
	go vet ./...
	go run $(GOLANGCI_LINT) run

.PHONY: bench
bench: build ## Measure a running provider; print operations a second, p50, p99 and CPU an operation.
	@deploy/dev/prerequisites.sh postgresql
	@go run ./cmd/idp-bench $(ARGS)

# How many consumers `make bench-scale` compares with 1,000.
CONSUMERS ?= 10000000

.PHONY: bench-scale
bench-scale: build ## Compare upserts and tokens among CONSUMERS (10000000) with 1,000; says what disk that needs.
	@deploy/dev/prerequisites.sh postgresql
	@go run ./cmd/idp-bench -consumers $(CONSUMERS) $(ARGS)

.PHONY: bench-signers
bench-signers: ## Measure a token's signature by each signer, side by side.
	@deploy/dev/prerequisites.sh compiler postgresql softhsm
	@go test -run '^$$' -bench '^BenchmarkSigners$$' ./op/keys

.PHONY: screenshots
screenshots: ## Draw the README's pictures again.
	@deploy/dev/prerequisites.sh postgresql chromium
	@SCREENSHOTS="$(CURDIR)/web/screenshots" go test -count=1 -run '^TestScreenshots$$' ./web/e2e

.PHONY: soak
soak: ## Let 64 browsers sign in at once, kill an import of a million, rotate keys with their real waits.
	@deploy/dev/prerequisites.sh postgresql
	@IDP_TEST_LOAD=60s go test -count=1 -v -run '^TestCrowdSignsIn$$' ./web/e2e
	@IDP_TEST_ROTATION=real go test -count=1 -v -timeout 60m -run '^TestRotation' ./op
	@IDP_TEST_IMPORT=1000000 go test -count=1 -v -timeout 60m -run '^TestKilledImport$$' ./web/e2e

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10m), or those of FUZZ=regexp; keep what they find.
	@deploy/dev/prerequisites.sh postgresql
	@deploy/dev/fuzz.sh $(FUZZTIME) '$(FUZZ)'

.PHONY: contract
contract: ## Write the lists of what is asked of the provider, and which tests hold it.
	@go test -count=1 -run '^TestEveryRowHasATest$$' ./op ./op/liveperson/standin -update
