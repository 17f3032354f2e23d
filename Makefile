# SPDX-FileCopyrightText: The e-coupon consortium authors
# SPDX-License-Identifier: Apache-2.0

MODULES := proto chaincode services network
STATE   ?= .ecoupon

# Tools, by version; each is built once into .cache/tools.
BUF_VERSION      := v1.66.0
LINT_VERSION     := v2.12.0
GRPCURL_VERSION  := v1.9.3
TOOLS            := $(CURDIR)/.cache/tools
BUF              := $(TOOLS)/buf-$(BUF_VERSION)
GOLANGCI         := $(TOOLS)/golangci-lint-$(LINT_VERSION)
GRPCURL          := $(TOOLS)/grpcurl-$(GRPCURL_VERSION)

export GOTOOLCHAIN := local
# golangci-lint's results name files of the checkout that they were made in, so
# no two checkouts share them.
export GOLANGCI_LINT_CACHE := $(CURDIR)/.cache/golangci-lint

.DEFAULT_GOAL := help
.PHONY: help build images demo up down status purge test test-unit test-e2e test-compose fuzz mutate attack lint generate check-generated bench bench-full bench-leader scale faults soak clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: bin/network ## build the programs and, the first time, Fabric
	bin/network build

images: bin/network bin/demo ## build the images of docker-compose.yaml and list their sizes
	bin/network images

bin/network: FORCE
	@mkdir -p bin
	@cd network && go build -o ../bin/network .

bin/demo: FORCE
	@mkdir -p bin
	@cd network && go build -o ../bin/demo ./demo

demo: bin/network bin/demo ## play a day at the tills on a fresh local network
	bin/demo --state $(STATE)

up: bin/network ## start the local network, or resume it
	bin/network up --state $(STATE)

down: bin/network ## stop the local network; its ledger stays
	bin/network down --state $(STATE)

status: bin/network ## list the processes of the local network and their addresses
	bin/network status --state $(STATE)

purge: bin/network ## stop the local network and delete its ledger
	bin/network purge --state $(STATE)

test: test-unit test-e2e ## run all tests

test-unit: bin/network $(GRPCURL) ## tests of the rules, the contract and the services, without a network
	cd chaincode && go test ./...
	cd services && go test -race ./...

test-e2e: bin/network $(GRPCURL) ## tests of the runner and of the whole on real networks
	bin/network build
	cd network && GRPCURL=$(GRPCURL) go test -count=1 -timeout 18m -p 1 ./...

test-compose: bin/network ## follow docs/operating.md in containers, cut members off, kill; needs root if no engine runs
	bin/network build
	@for m in chaincode services network; do (cd $$m && go list -deps ./... > /dev/null) || exit 1; done # modules: the engine's own network has no way to them
	cd network && go test -tags compose -count=1 -timeout 20m -v ./compose

mutate: ## remove every refusal of the rules in turn: a test must miss it
	cd network && go build -o ../bin/mutate ./mutate
	bin/mutate

attack: bin/network ## play every known attack on a fresh network, then date a thousand coupons later than they are made
	bin/network build
	cd network && go build -o ../bin/attack ./attack
	bin/attack

DURATION ?= 60s

fuzz: ## run every fuzz target for DURATION and keep what it finds as seeds of the tests
	cd network && go build -o ../bin/fuzz ./fuzz
	bin/fuzz -duration $(DURATION)

lint: $(GOLANGCI) $(BUF) ## vet, lint, check generated code and that each module stands alone
	@for m in $(MODULES); do echo "lint $$m"; (cd $$m && go vet -tags compose ./... && $(GOLANGCI) run --config $(CURDIR)/.golangci.yml ./...) || exit 1; done
	@for m in $(MODULES); do echo "alone $$m"; (cd $$m && GOWORK=off go build ./...) || exit 1; done
	cd proto && $(BUF) lint
	@$(MAKE) --no-print-directory check-generated

generate: $(BUF) ## make the Go code of the protocol buffers
	cd proto && $(BUF) generate && $(BUF) format -w

check-generated: $(BUF)
	@rm -rf .cache/gen && mkdir -p .cache/gen && cp -r proto .cache/gen/ && cd .cache/gen/proto && $(BUF) generate && diff -r gen $(CURDIR)/proto/gen && echo "generated code is current"

bench: bin/network ## measure the whole on a fresh network, with what it is to be compared with
	bin/network build
	cd network && go build -o ../bin/bench ./bench
	bin/bench -results network/bench/results

bench-full: bin/network ## for hours: compare lanes, Raft, seven organisations, and a ledger that grows to 10 million spent coupons; goes on where it was
	bin/network build
	cd network && go build -o ../bin/bench ./bench
	bin/bench -compare .cache/comparison -results network/bench/results

scale: ## what a year's coupons take, by a model that is fitted to the newest results of bench
	cd network && go build -o ../bin/scale ./scale
	bin/scale

bench-leader: bin/network ## kill the leader of the orderers at 100 redemptions a second, then measure full load
	cd network && go build -o ../bin/bench ./bench
	bin/bench -leader

SEED     ?= 0
EPISODES ?= 200
OPERATIONS ?= 1000000
HOURS    ?= 4

faults: bin/network ## have every kind of process fail under load, check what tills were told, compare the books
	cd network && go build -o ../bin/faults ./faults
	bin/faults -seed $(SEED) -episodes $(EPISODES) -operations $(OPERATIONS) -drawings .cache/histories

soak: bin/network ## the same for hours (HOURS=4), with tables of how processes grow
	cd network && go build -o ../bin/faults ./faults
	bin/faults -seed $(SEED) -hours $(HOURS) -drawings .cache/histories

clean: ## delete what was built, but not the ledger
	rm -rf bin .cache

$(BUF):
	@mkdir -p $(TOOLS) && echo "building buf $(BUF_VERSION)"
	@GOWORK=off GOBIN=$(TOOLS)/tmp-buf go install github.com/bufbuild/buf/cmd/buf@$(BUF_VERSION) && mv $(TOOLS)/tmp-buf/buf $@ && rm -r $(TOOLS)/tmp-buf

$(GOLANGCI):
	@mkdir -p $(TOOLS) && echo "building golangci-lint $(LINT_VERSION)"
	@GOWORK=off GOBIN=$(TOOLS)/tmp-lint go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) && mv $(TOOLS)/tmp-lint/golangci-lint $@ && rm -r $(TOOLS)/tmp-lint

$(GRPCURL):
	@mkdir -p $(TOOLS) && echo "building grpcurl $(GRPCURL_VERSION)"
	@GOWORK=off GOBIN=$(TOOLS)/tmp-grpcurl go install github.com/fullstorydev/grpcurl/cmd/grpcurl@$(GRPCURL_VERSION) && mv $(TOOLS)/tmp-grpcurl/grpcurl $@ && rm -r $(TOOLS)/tmp-grpcurl

FORCE:
