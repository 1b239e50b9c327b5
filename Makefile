# Every target: make help
SHELL := /bin/sh
# Node 24 comes with the npm package "node"; whatever Node is installed only runs npm.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# Names of the images in the manifests; empty means the released ones.
export IMG ?=
export AGENT_IMG ?=
export SCRIPTS_IMG ?=
ifeq ($(IMG),)
unexport IMG
endif
ifeq ($(AGENT_IMG),)
unexport AGENT_IMG
endif
ifeq ($(SCRIPTS_IMG),)
unexport SCRIPTS_IMG
endif
# CLUSTER=current uses the current kubeconfig; kind and local are the other two. Empty: found out.
CLUSTER ?=
export ORAS_OPERATOR_CLUSTER := $(CLUSTER)
cluster := node dev/cluster/main.ts
kubectl := $(cluster) exec -- kubectl

.DEFAULT_GOAL := help

##@ Try it
.PHONY: demo demo-down
demo: node_modules ## A cluster, the operator, a folder that one Job writes and the next one reads, and five Jobs in the wrong order
	@node dev/demo.ts $(if $(filter current,$(CLUSTER)),--current)
demo-down: node_modules ## Take away what `make demo` made
	@node dev/demo.ts --down $(if $(filter current,$(CLUSTER)),--current)

##@ Develop
.PHONY: ci generate build docs docs-serve lint test test-unit test-agent test-integration test-e2e e2e-pods test-long test-reliability soak test-extra test-versions clean
generate: node_modules ## Write everything that derives from schema/
	npm run --silent generate
build: node_modules ## Bundle the program into dist/
	npm run --silent build
docs: node_modules ## The docs as a website in docs/.vitepress/dist; a dead link fails
	npm run --silent docs:build
docs-serve: node_modules ## The same on http://localhost:5173, anew after each change
	npm run --silent docs:serve
lint: node_modules packages ## Types, style, import direction, unused code, workflows, freshness of what is generated, links of the docs
	npm run --silent lint
	npm run --silent lint:agent
	npm run --silent lint:shell
	npm run --silent lint:workflows
	npm run --silent generate -- --check
	npm run --silent docs:build
ci: ## What a change must pass: lint, then every test
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory test-long
test: node_modules prepared ## All tests: unit, agent, integration, end to end
	npm test
test-unit: node_modules ## Unit and property tests
	npm run --silent test:unit
test-agent: node_modules prepared ## The Go program for Pods, with the real oras and a real registry
	npm run --silent test:agent
test-integration: node_modules prepared ## Tests against a real API server
	npm run --silent test:integration
test-e2e: node_modules prepared ## Tests with real Pods
	npm run --silent test:e2e
e2e-pods: node_modules prepared ## The same, what happens in Pods alone, with an init container and without
	npm run --silent test:pods
	POD_SHAPE=auto npm run --silent test:pods
test-long: node_modules prepared ## What takes minutes each: the largest outputs, the longest deadlines, races, fuzzing
	npm run --silent test:long
	npm run --silent test:race
	$(MAKE) --no-print-directory fuzz
.PHONY: fuzz
# Each run ends by a count of inputs: one that ends by time fails now and then with "context deadline exceeded" and no input,
# before Go 1.27 (https://go.dev/issue/75804).
FUZZ_SECONDS ?= 20
fuzz: ## Random inputs for the Go program, FUZZ_SECONDS (20) or a little more for each target
	cd agent && grep -ro '^func Fuzz[A-Za-z]*' --include=*_test.go internal | while IFS=: read -r file line; do \
		end=$$(($$(date +%s) + $(FUZZ_SECONDS))); \
		while [ $$(date +%s) -lt $$end ]; do \
			go test -run '^$$' -fuzz "^$${line#func }$$" -fuzztime 20000x -fuzzminimizetime 100x "./$${file%/*}" || exit 1; \
		done; \
	done
soak: node_modules prepared ## Half an hour each of pushes, reads and deletions beside sweeps of a volume and of a bucket; a mirror whose other side is away; five minutes of replicas that are killed
	cd agent && SOAK=30m go test -v -timeout 80m -run '^(TestSweepsBreakNothing|TestSweepsOfABucketBreakNothing|TestAKeeperIsSmall|TestAKeeperThatIsKilled.*|TestAMirrorLagsLittle)$$' .
	REPLICAS_SECONDS=300 npm run --silent test:long -- test/long/replicas.test.ts
test-reliability: node_modules prepared ## 50 Jobs pass artifacts to each other while parts of the local cluster are killed again and again
	npm run --silent test:reliability
test-extra: node_modules prepared ## What a change need not pass: emulated arm64, test-versions, distribution 2.8, test-reliability, upgrades, releases, one registry, cert-manager, Kueue, cosign, RO-Crates, Snakemake, Nextflow and Montage
	@node dev/extra.ts
test-versions: node_modules prepared ## The integration tests against the API servers of older versions of Kubernetes
	@node dev/extra.ts Kubernetes
.PHONY: packages prepared
packages: node_modules
	@$(cluster) prepare --packages
prepared: node_modules
	@$(cluster) prepare
clean: ## Remove what was built here
	rm -rf dist coverage

##@ Release
.PHONY: release
release: node_modules ## Write the files of a release into dist/release; publishes nothing
	@node dev/release.ts

##@ A cluster to work with
.PHONY: cluster-up cluster-down cluster-status shell images
cluster-up: node_modules ## kind where Docker runs, else a cluster of this machine's own processes (root)
	@$(cluster) up
cluster-down: node_modules ## Take it down and leave nothing behind
	@$(cluster) down
cluster-status: node_modules ## What runs
	@$(cluster) status || true
shell: build ## A shell in which kubectl, kubectl oras-cache, helm and oras reach it
	@$(cluster) shell
images: node_modules ## Build the operator's images, and load them into the cluster if it is up
	@node dev/images.ts $$($(cluster) status >/dev/null 2>&1 && echo --load)

##@ Install (in the cluster that CLUSTER= names)
.PHONY: build-config build-config-arm test-deploy install uninstall deploy undeploy
build-config: node_modules ## Write examples/dist/oras-operator.yaml (IMG=, AGENT_IMG=, SCRIPTS_IMG= name other images)
	node scripts/build-config.ts
build-config-arm: node_modules ## Write examples/dist/oras-operator-arm.yaml
	node scripts/build-config.ts --arch arm64
test-deploy: node_modules ## Write examples/dist/oras-operator-dev.yaml, build the images, load them
	node scripts/build-config.ts --dev
	@node dev/images.ts $$($(cluster) status >/dev/null 2>&1 && echo --load)
install: node_modules ## Create the CustomResourceDefinition
	@$(kubectl) apply -f config/crd/orascaches.yaml
uninstall: node_modules ## Delete it, with all OrasCaches
	@$(kubectl) delete --ignore-not-found -f config/crd/orascaches.yaml
deploy: build-config ## Install the operator
	@$(kubectl) apply -f examples/dist/oras-operator.yaml
undeploy: node_modules ## Remove the operator, with all OrasCaches
	@$(kubectl) delete --ignore-not-found -f examples/dist/oras-operator.yaml

# Also when package-lock.json changes.
node_modules: package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch node_modules

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
