# SPDX-License-Identifier: Apache-2.0
#
# `make` prints what there is. A recipe that needs a tool builds the version
# pinned in test/tools; nothing else has to be installed than Go, gcc and make.

.DEFAULT_GOAL := help

BIN := bin/opa-ratify
PLUGIN := notation-alibabacloud.secretmanager.plugin
TOOLS := $(CURDIR)/bin/tools
VERSION := $(or $(VERSION),$(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo dev))
OPA_VERSION = $(patsubst v%,%,$(shell go list -m -f '{{.Version}}' github.com/open-policy-agent/opa))
LDFLAGS = -s -w -X main.version=$(VERSION) \
	-X github.com/open-policy-agent/opa/v1/version.Version=$(OPA_VERSION)+ratify.$(VERSION)
COMPILE = CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
COMPILE_CERTS = CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w'
SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null))
REVISION := $(or $(REVISION),$(shell git rev-parse HEAD 2>/dev/null))
ARCHITECTURES ?= amd64 arm64
IMAGE := bin/image
GO := $(wildcard builtins bundles cmd rego test)
REGO := $(wildcard rego/ bundles/*/ cmd/opa-ratify/lint/ charts/*/files/system/)
MODULES := cmd/opa-ratify-certs test/charts
FUZZTIME ?= 30s
CHAOSTIME ?= 60s
SOAKIMAGES ?= 20000
BENCHCOUNT ?= 6
BENCHTIME ?= 0.3s
BENCH = go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 1h -count $(BENCHCOUNT) ./builtins ./test/bench
PODS ?= 1000
E2E = cd test/e2e && go test -tags e2e -count 1 -timeout $(if $(KEEP),0,30m)
DRIVE = go run ./test/bench/drive

##@ Use

build: ## Build bin/opa-ratify, one static binary
	$(COMPILE) -o $(BIN) ./cmd/opa-ratify

image: ## Build bin/image, an OCI layout for ARCHITECTURES (amd64 arm64) with SBOMs; needs no Docker
	set -e; for arch in $(ARCHITECTURES); do GOOS=linux GOARCH=$$arch $(COMPILE) -o $(BIN)-linux-$$arch ./cmd/opa-ratify; \
		(cd cmd/opa-ratify-certs && GOOS=linux GOARCH=$$arch $(COMPILE_CERTS) -o ../../$(BIN)-certs-linux-$$arch .); done
	go run ./cmd/image build -o $(IMAGE) --version $(VERSION) --revision $(REVISION) --created $(SOURCE_DATE_EPOCH) \
		$(addprefix --beside $(BIN)-certs-linux-,$(ARCHITECTURES)) $(addprefix $(BIN)-linux-,$(ARCHITECTURES))

image-push: ## Push bin/image to TO=registry/repository:tag; prints what is to be signed
	@go run ./cmd/image push --from $(IMAGE) $(or $(TO),$(error TO=registry/repository:tag says where to push))

image-test: image $(TOOLS)/notation $(TOOLS)/docker-registry $(TOOLS)/olareg ## Push, sign, verify and run the image; ARCHITECTURES=amd64 is quick
	PATH="$(TOOLS):$$PATH" go test -tags interop -count 1 -run '^TestImage$$/^($(shell echo $(ARCHITECTURES) distribution olareg | tr ' ' '|'))$$' ./test/script

image-again: image ## Build the image again from a clone elsewhere, without any cache, and compare (slow)
	rm -rf bin/again && git clone --quiet . bin/again/clone
	$(MAKE) --no-print-directory -C bin/again/clone image GOCACHE=$(CURDIR)/bin/again/cache \
		VERSION=$(VERSION) REVISION=$(REVISION) SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) ARCHITECTURES='$(ARCHITECTURES)'
	diff -r $(IMAGE) bin/again/clone/$(IMAGE)
	rm -rf bin/again

plugin: ## Build the Notation plugin that signs with keys in Alibaba Cloud KMS
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o bin/$(PLUGIN) ./cmd/$(PLUGIN)
	@echo 'built bin/$(PLUGIN); notation looks for it in $${XDG_CONFIG_HOME:-$$HOME/.config}/notation/plugins/$(PLUGIN:notation-%=%)/'

demo: build ## Sign, serve and ask as Gatekeeper does; ONCE=1 ends with the verdict
	ONCE=$(ONCE) go run ./test/demo

certs: ## Build bin/opa-ratify-certs, which rotates certificates on Kubernetes
	cd cmd/opa-ratify-certs && $(COMPILE_CERTS) -o ../../$(BIN)-certs .

##@ Test

test: test-go test-rego ## Everything a change must pass: Go, script and Rego tests

test-go: ## Go tests with the race detector, those of test/script among them
	go test -race ./...
	cd cmd/opa-ratify-certs && go test -race ./...

test-rego: build ## Rego library and bundles: strict check, then tests
	set -e; for d in $(REGO); do $(BIN) check --strict $$d; $(BIN) test $$d; done

test-script: ## Only the script tests
	go test -race ./test/script

test-chart: ## The Helm chart: rendered, decoded into Go types, and run as it says
	cd test/charts && go test ./...

interop: $(TOOLS)/notation ## The scripts in which the real notation command line signs (slow)
	PATH="$(TOOLS):$$PATH" go test -race -tags interop -run '^TestInterop$$' ./test/script

interop-cosign: $(TOOLS)/cosign2 $(TOOLS)/cosign3 ## The same with the cosign command lines, v2 and v3 (slow)
	PATH="$(TOOLS):$$PATH" go test -race -tags interop -run '^TestInteropCosign$$' ./test/script

interop-vault: $(TOOLS)/vault-transit $(TOOLS)/cosign2 $(TOOLS)/cosign3 ## The same with keys in a real HashiCorp Vault, and our fake of it compared (slow)
	PATH="$(TOOLS):$$PATH" go test -race -tags interop -run '^TestInteropVault$$|^TestTheFakeAnswersAsVaultDoes$$' ./test/script ./test/vaulttest

interop-registry: $(TOOLS)/docker-registry $(TOOLS)/olareg $(TOOLS)/notation $(TOOLS)/cosign2 $(TOOLS)/cosign3 ## The same with images in real registries: distribution, asking for tokens or passwords, and olareg (slow)
	PATH="$(TOOLS):$$PATH" go test -race -tags interop -run '^TestInteropRegistry$$' ./test/script

interop-redis: ## The tests that start redis-server (Debian's package of that name)
	go test -race -tags interop -run '^TestInterop' ./builtins/internal/evidence/redis ./builtins/internal/service ./test/replicas

e2e: build certs $(TOOLS)/notation $(TOOLS)/olareg $(TOOLS)/helm ## A real cluster admits and refuses; RUN=<regexp> names scenarios, KEEP=1 waits
	$(E2E) -e2e.run '$(or $(RUN),.)' $(if $(KEEP),-e2e.keep)

e2e-load: build $(TOOLS)/olareg ## Only the load: PODS (1000) through the API server, 50 at once
	$(E2E) -e2e.run '^load' -e2e.pods $(PODS)

fuzz: ## Run every fuzz target for FUZZTIME (30s)
	set -e; for p in $$(grep -rl --include='*_test.go' '^func Fuzz' $(GO) | xargs -n1 dirname | sort -u); do \
		names=$$(go test -list '^Fuzz' ./$$p); \
		for f in $$(echo "$$names" | grep '^Fuzz'); do \
			go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x ./$$p; \
		done; \
	done

chaos: ## A registry that flaps between all faults for CHAOSTIME (60s), asked by 64 clients
	go test -race -v -count 1 -timeout 1h -run '^TestChaos$$' ./test/chaos -chaostime $(CHAOSTIME)

soak: ## Ask once about each of SOAKIMAGES (20000) images and watch the memory
	go test -v -count 1 -timeout 1h -run '^TestSoak$$' ./test/chaos -soakimages $(SOAKIMAGES)

cover: build ## Coverage of Go in coverage/go.html, of Rego on standard output
	mkdir -p coverage
	go test -coverpkg=./builtins/...,./cmd/...,./rego/... -coverprofile=coverage/go.out ./...
	go tool cover -html=coverage/go.out -o coverage/go.html
	go tool cover -func=coverage/go.out | tail -n 1
	set -e; for d in $(REGO); do echo "$$d"; $(BIN) test --coverage $$d | grep '^  "coverage"'; done

##@ Measure

bench: build ## Benchmarks, then the product beside a yardstick; BASE=<commit> compares
	mkdir -p bin/bench
	$(BENCH) >bin/bench/head.txt
	$(if $(BASE),$(MAKE) --no-print-directory bench-base,cat bin/bench/head.txt)
	$(DRIVE) -binary $(BIN) -o bin/bench/table.md

bench-base: $(TOOLS)/.installed
	rm -rf bin/bench/base && git worktree prune
	git worktree add --quiet --detach bin/bench/base $(BASE)
	cd bin/bench/base && $(BENCH) >../base.txt
	cd bin/bench/base && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o ../opa-ratify-base ./cmd/opa-ratify
	git worktree remove --force bin/bench/base
	$(TOOLS)/benchstat bin/bench/base.txt bin/bench/head.txt
	$(DRIVE) -binary bin/bench/opa-ratify-base -o bin/bench/table-base.md

bench-table: build ## Only the table; RUN=<regexp> names its lines, SHORT=1 is quick
	mkdir -p bin/bench
	$(DRIVE) -binary $(BIN) $(if $(SHORT),-short) -run '$(or $(RUN),.)' -o bin/bench/table.md

##@ Change

lint: $(TOOLS)/.installed ## go vet, gofumpt, golangci-lint, regal
	go vet -tags interop,e2e ./...
	unformatted=$$($(TOOLS)/gofumpt -extra=group_params -l $(GO)); test -z "$$unformatted" || { echo "not gofumpt'ed: $$unformatted"; exit 1; }
	$(TOOLS)/golangci-lint run
	set -e; for d in $(MODULES); do (cd $$d && go vet ./... && $(TOOLS)/golangci-lint run --config $(CURDIR)/.golangci.yaml); done
	$(if $(REGO),$(TOOLS)/regal lint $(REGO))

fmt: build $(TOOLS)/.installed ## Format Go and Rego
	$(TOOLS)/golangci-lint fmt
	$(if $(REGO),$(BIN) fmt --write $(REGO))

generate: ## Write what is generated: capabilities, reference, schemas
	go generate ./...

verify-generate: generate ## Fail if a generated file was not committed
	git diff --exit-code
	test -z "$$(git ls-files --others --exclude-standard)"

tools: $(TOOLS)/.installed $(TOOLS)/notation $(TOOLS)/cosign2 $(TOOLS)/cosign3 $(TOOLS)/helm ## Build the pinned tools into bin/tools

$(TOOLS)/.installed: test/tools/go.mod test/tools/go.sum
	cd test/tools && CGO_ENABLED=0 GOBIN=$(TOOLS) go install -trimpath tool
	touch $@

$(TOOLS)/notation $(TOOLS)/olareg: $(TOOLS)/%: test/tools/%/go.mod test/tools/%/go.sum
	cd test/tools/$* && CGO_ENABLED=0 GOBIN=$(TOOLS) go install -trimpath tool
	touch $@

$(TOOLS)/cosign%: test/tools/cosign%/go.mod test/tools/cosign%/go.sum
	cd test/tools/cosign$* && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@ github.com/sigstore/cosign/v$*/cmd/cosign
	touch $@

$(TOOLS)/vault-transit: $(wildcard test/tools/vault/*)
	cd test/tools/vault && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@ .
	touch $@

# Debian's, unpacked without being installed.
$(TOOLS)/docker-registry:
	@for tool in apt-get dpkg; do command -v $$tool >/dev/null || { echo "$@: $$tool is missing; put distribution's registry there by hand" >&2; exit 1; }; done
	rm -rf bin/docker-registry && mkdir -p bin/docker-registry $(TOOLS)
	cd bin/docker-registry && apt-get -qq -o APT::Sandbox::User=root download docker-registry || { echo "$@: apt-get has no package docker-registry; try apt-get update" >&2; exit 1; }
	dpkg -x bin/docker-registry/docker-registry_*.deb bin/docker-registry
	cp bin/docker-registry/usr/bin/docker-registry $@
	rm -rf bin/docker-registry

# Helm is told which Kubernetes it was made for, as its own Makefile does.
$(TOOLS)/helm: test/charts/go.mod test/charts/go.sum
	cd test/charts && CGO_ENABLED=0 go build -trimpath -o $@ -ldflags '-s -w $(foreach v,Major=1 Minor=37,-X helm.sh/helm/v3/pkg/chartutil.k8sVersion$(v))' helm.sh/helm/v3/cmd/helm
	touch $@

clean: ## Remove what make made
	rm -rf bin coverage

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: bench-base $(shell awk -F: '/^[a-z0-9-]+:.*## / { print $$1 }' $(firstword $(MAKEFILE_LIST)))
