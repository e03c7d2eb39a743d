# The targets that people and continuous integration call: make help lists them.

BINARY  := bin/statsd-http-proxy
IMAGE   ?= statsd-http-proxy:latest
VERSION ?= $(or $(shell git describe --tags --match 'v[0-9]*' 2>/dev/null | sed 's/^v//'),dev)
COMMIT  ?= $(or $(shell git rev-parse --short=12 HEAD 2>/dev/null),unknown commit)
DATE    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)

LDFLAGS := -s -w -X 'main.version=$(VERSION)' -X 'main.commit=$(COMMIT)' -X 'main.date=$(DATE)'

# The race detector needs a C compiler. Without one the tests run without it.
RACEFLAG := $(if $(shell command -v gcc || command -v clang),-race)

.PHONY: build run client test docs test-deps demo-lib soak fuzz bench pgo microbench lint image clean help

build: ## build bin/statsd-http-proxy (the default)
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o $(BINARY) ./cmd/statsd-http-proxy

run: build ## build and start a proxy on 127.0.0.1:8825 that prints what StatsD receives
	$(BINARY) --http-port=8825 --demo --verbose

client: ## build the browser client, client/dist, and copy into the program what it serves
	cd client && npm ci --loglevel=error && npm run build
	internal/browserclient/copy-client internal/browserclient/files

# test/README.md says which of these to run after a change. RACE=1 also builds the
# program itself with the race detector, for the tests in test/.
TEST_FOLDERS := http http2 process acme servers balancers clients browser docs deploy operations hostile faults
.PHONY: test-client test-internal test-program $(addprefix test-,$(TEST_FOLDERS))
.NOTPARALLEL: test

test: test-deps test-client test-internal test-program test-browser test-faults ## run every test; installs what they need

test-client: ## run the unit tests of the browser client
	cd client && npm test

# These tests do not run with the race detector, which allocates memory itself.
# testutil checks that the pattern matches the names of all of them.
WITHOUT_RACE = Alloc|Memory
test-internal: ## run the tests of the packages
	$(if $(RACEFLAG),go test $(TESTFLAGS) -run '$(WITHOUT_RACE)' ./internal/...)
	go test $(TESTFLAGS) $(RACEFLAG) $$(go list ./... | grep -v /test/)

# Tests that start the program wait most of the time, so many of them run at once. The
# tests in faults send at a steady rate and in browser they need much CPU time, so these
# two run alone.
GO_TEST_PROGRAM = go test $(TESTFLAGS) $(RACEFLAG) -timeout 10m
test-program: test-deps ## run the tests of the whole program, but for those in browser and faults
	$(GO_TEST_PROGRAM) -parallel 8 $(addprefix ./test/,$(filter-out browser faults,$(TEST_FOLDERS)))

test-http: ## run the tests of the HTTP interface
test-http2: ## run the tests of HTTP/2: conformance, attacks, memory
test-process: ## run the tests of start, stop, reload and memory
test-acme: ## run the tests of certificates by ACME
test-servers: ## run the tests with real StatsD servers
test-balancers: ## run the tests with nginx and HAProxy
test-clients: ## run the tests with HTTP clients of several languages
test-browser: ## run the tests of the client and the demo page in Chromium
test-docs: ## run the samples of README.md and docs/ and check their links
test-deploy: ## run the tests of the container image
test-operations: ## run the tests of the admin listener, its metrics, rules and dashboard
test-hostile: ## send hostile metrics to real StatsD servers
test-faults: ## run the tests in which StatsD restarts, moves or hangs
test-browser: PARALLEL = 4
PARALLEL = 8
$(addprefix test-,$(TEST_FOLDERS)): test-%: test-deps
	$(GO_TEST_PROGRAM) -parallel $(PARALLEL) ./test/$*

SOAKTIME ?= 10m
soak: ## restart StatsD at random, then send hostile metrics to real servers, for SOAKTIME (10m) each; SEED=N repeats a run
	go test -v -count 1 -run '^TestSoak$$' -timeout 0 -parallel 4 ./test/faults -soak $(SOAKTIME) $(if $(SEED),-seed $(SEED))
	go test -v -count 1 -timeout 0 ./test/hostile -hostile $(SOAKTIME) $(if $(SEED),-seed $(SEED))

docs: ## write docs/options.md from the table of options
	go test ./internal/config -run TestDocumentIsUpToDate -update

test-deps: ## install what the tests need
	test/install

demo-lib: test-deps ## renew what the demo page takes from the client, uPlot and web-vitals
	cd client && npm ci && npm run build
	internal/demo/copy-lib internal/demo/page/lib

FUZZTIME ?= 1m
FUZZ = test/fuzz $(FUZZTIME)
fuzz: ## run each fuzz target for FUZZTIME (1m)
	$(FUZZ) FuzzNumber ./internal/metric
	$(FUZZ) FuzzAppend ./internal/metric
	$(FUZZ) FuzzMatch ./internal/metric
	$(FUZZ) FuzzCompare ./internal/metric
	$(FUZZ) FuzzEscape ./internal/metric
	$(FUZZ) FuzzDecode ./internal/decode
	$(FUZZ) FuzzJSON ./internal/decode
	$(FUZZ) FuzzLines ./internal/decode
	$(FUZZ) FuzzFastObject ./internal/decode
	$(FUZZ) FuzzBatch ./internal/decode
	$(FUZZ) FuzzSingle ./internal/decode
	$(FUZZ) FuzzVerify ./internal/auth
	$(FUZZ) FuzzClaims ./internal/auth
	$(FUZZ) FuzzClientAddress ./internal/limit
	$(FUZZ) FuzzAdmit ./internal/limit
	$(FUZZ) FuzzHead ./internal/http1
	$(FUZZ) FuzzChunks ./internal/http1
	$(FUZZ) FuzzSameAsNetHTTP ./internal/http1
	$(FUZZ) FuzzFrames ./internal/http2
	$(FUZZ) FuzzKnownHeads ./internal/http2
	$(FUZZ) FuzzRequest ./internal/transport
	$(FUZZ) FuzzMachine ./internal/sender
	$(FUZZ) FuzzAppendLines ./internal/demo

# What a change costs is seen with the program before it as a peer:
# make bench ROWS=json,full PEER='before=/tmp/statsd-http-proxy'
bench: ## compare the proxy with an empty server and with nginx, in 4 minutes; ROWS=json,full ROUNDS=100 measures less, RUNS=3 shows ranges of several runs, PEER='name=command' also another proxy; DOC=docs/performance.md writes the results into it
	go run ./bench $(if $(ROWS),-rows '$(ROWS)') $(if $(ROUNDS),-rounds $(ROUNDS)) $(if $(RUNS),-runs $(RUNS)) $(if $(PEER),-peer '$(PEER)') $(if $(DOC),-markdown '$(DOC)')

pgo: ## measure where the proxy spends its time, in a minute, and write it to default.pgo, which the compiler reads
	go run ./bench -rows json,token,full,lines,batchjson,https,h2 -profile cmd/statsd-http-proxy/default.pgo

COUNT ?= 10
MICRO = go test -run '^$$' -bench . -benchmem -benchtime 0.2s ./internal/... -count
microbench: ## run the micro-benchmarks COUNT (10) times, for benchstat; BASE=revision compares them with that, by turns
ifeq ($(BASE),)
	@$(MICRO) $(COUNT)
else
	@set -e; dir=$$(mktemp -d); trap 'git worktree remove --force "$$dir/base"; rm -r "$$dir"' EXIT; \
	git worktree add --quiet --detach "$$dir/base" '$(BASE)'; \
	for _ in $$(seq $(COUNT)); do \
		(cd "$$dir/base" && $(MICRO) 1) >>"$$dir/old"; \
		$(MICRO) 1 >>"$$dir/new"; \
	done; \
	go tool benchstat '$(BASE)'="$$dir/old" now="$$dir/new"
endif

# golangci-lint has a module file of its own, so that its dependencies stay out
# of the program's go.mod.
lint: ## check Go code (.golangci.yml) and the spelling of all text (.codespellrc)
	go tool -modfile=tools/go.mod golangci-lint run ./...
	@command -v codespell >/dev/null || test/install
	@if command -v codespell >/dev/null; then git ls-files -z | xargs -0 codespell; else echo 'make lint: skipped the spelling, codespell is missing' >&2; fi

image: build ## build the container image IMAGE with docker, podman or buildah
	deploy/container/build $(IMAGE)

clean: ## remove what was built
	rm -rf bin client/dist

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
