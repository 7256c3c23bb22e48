# Lithair. `make help` lists what can be done; every target installs what it needs first.
# The pinned Node under node_modules/.bin comes first, so the machine's own may be older.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

INSTALLED := node_modules/.package-lock.json
MODEL ?= docs/examples/shop.yaml
DATA ?= ./data
PORT ?= 8080
NODES ?= 1
ROWS ?= 1000000
SCRIPTS ?= 1000
SEED ?= 1
FIRST ?= 0
WORKLOADS ?= all
SEEDS ?= 3
ROUNDS ?= 50

# `--name value` for a variable that was set by the caller, whatever its default is for other targets.
option = $(if $(filter command environment,$(firstword $(origin $(1)))),--$(shell echo $(1) | tr A-Z a-z) $($(1)))

# What was given to a target, and not the defaults of other targets.
set_option = $(if $(filter command environment,$(origin $(1))),--$(2) $($(1)))
CHAOS = $(call set_option,RUNS,runs) $(call set_option,SECONDS,seconds) $(call set_option,HOURS,hours) \
	$(call set_option,NODES,nodes) $(call set_option,SEED,seed) $(call set_option,BROKEN,broken) \
	$(call set_option,CHECK,check)
BENCH = $(call set_option,ONLY,only) $(call set_option,SECONDS,seconds) $(call set_option,ROUNDS,rounds) \
	$(call set_option,PRODUCTS,products) $(call set_option,AGGREGATES,aggregates) $(call set_option,KILLS,kills)

.DEFAULT_GOAL := help
.PHONY: help setup run test check format generate images e2e bench bench-log bench-raft bench-state bench-archive bench-recovery conformance raft-fuzz raft-sim raft-mutants model-mutants sim crash-test power-loss chaos fuzz-api clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Install the pinned dependencies, Node 24 included

$(INSTALLED): package.json package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch $(INSTALLED)

run: setup ## Serve MODEL (docs/examples/shop.yaml) on PORT (8080), data in DATA; NODES=3 for a cluster
	@exec node node/cli/main.ts serve $(MODEL) --port $(PORT) --data $(DATA) --nodes $(NODES) --try

test: setup ## Run every test that needs no container engine
	@node tools/test.ts

check: setup ## Types, lint, room boundaries, dead code, formatting, generated files
	@node tools/check.ts

conformance: setup ## Run the upstream data-driven files against the consensus core (needs Go)
	@npm run --silent conformance -w etcd-raft-ts

raft-fuzz: setup ## Compare the consensus core with the Go module on SCRIPTS random scripts of SEED (needs Go)
	@node node/raft/oracle/main.ts --scripts $(SCRIPTS) --seed $(SEED) --first $(FIRST)

raft-sim: setup ## Run SEEDS=2000 (from FIRST=1), or one SEED, clusters of the consensus core among faults
	@node node/raft/sim/main.ts $(call option,SEEDS) $(call option,FIRST) $(call option,SEED) $(call option,STEPS)

raft-mutants: setup ## Plant faults into a copy of the consensus core; each must be noticed (ALL=1: by whom)
	@node node/raft/mutants/main.ts $(call option,SEEDS) $(if $(ONLY),--only "$(ONLY)") $(if $(ALL),--all)

model-mutants: setup ## Take the enforcement of each attribute of the language away; a test must notice (ONLY=words)
	@node tools/model-mutants/main.ts $(if $(ONLY),--only "$(ONLY)") $(if $(WORKERS),--workers $(WORKERS)) $(ARGS)

crash-test: setup ## Cut the power at every disk operation of WORKLOADS (all) for SEEDS (3) from SEED (1) on
	@node node/log/testing/main.ts --workloads $(WORKLOADS) --seed $(SEED) --seeds $(SEEDS)

power-loss: setup ## Shut a file system down under a writing node ROUNDS (50) times (needs root and loop devices)
	@ROUNDS=$(ROUNDS) SEED=$(SEED) node tools/test.ts test/power-loss

# SEED and SEEDS have defaults for other targets: here they count only where somebody gave them.
given = $(filter command environment,$(origin $(1)))
sim: setup ## Run whole clusters in a simulated world on SEEDS seeds (500) from FIRST; SEED=N shows that one
	@node node/sim/main.ts $(if $(call given,SEED),--seed $(SEED),--first $(FIRST) $(if $(call given,SEEDS),--seeds $(SEEDS)))

chaos: setup ## Check real processes under faults for linearizability (needs Go); ARGS=--help says what can be set
	@node e2e/chaos/main.ts $(CHAOS) $(ARGS)

FUZZ = $(call set_option,EXAMPLES,examples) $(call set_option,SEED,seed) $(call set_option,ONLY,only)
fuzz-api: setup ## Fuzz the API by its OpenAPI document (needs Python); ARGS=--help says what can be set
	@node e2e/fuzz-api/main.ts $(FUZZ) $(ARGS)

format: setup ## Format the sources
	@biome check --write .

generate: setup ## Write the files that are generated from sources
	@npm run --silent generate -w @lithair/crds

images: setup ## Build lithair/node:dev and lithair/operator:dev (BASE_IMAGE overrides the base)
	@node images/build.ts

e2e: setup ## Run the end-to-end tests on a k3d cluster of their own (E2E_KEEP=1 keeps it)
	@node e2e/run.ts

bench: setup ## Measure against the baselines of the same run, ONLY=failover …; see docs/benchmarks.md
	@node node/bench/main.ts $(BENCH) $(ARGS)

bench-log: setup ## Measure the log against a bare loop of write and fdatasync, on the disk of DIR (/tmp)
	@node node/log/bench/main.ts $(DIR)

bench-raft: setup ## Measure the consensus core: messages per second, bytes per message, by length of the log
	@node node/raft/bench/main.ts

bench-state: setup ## Measure memory and pauses of ROWS (1000000) rows under updates and snapshots
	@node node/state/bench/main.ts $(ROWS)

bench-archive: setup ## Measure how fast history is archived, joined and read back
	@node node/archive/bench/archive.ts

bench-recovery: setup ## Measure the whole start of a node on a log of a million small events
	@node node/bench/main.ts --only recovery $(call set_option,ROUNDS,rounds)

clean: ## Remove build output and installed dependencies; data directories stay
	rm -rf node_modules dist images/dist
