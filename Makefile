# make demo    build leat, get a real PostgreSQL, run a table-to-table pipeline and show it
# make test    install what the tests need and run all of them
# See CONTRIBUTING.md for the others.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

GO        ?= go
PLATFORMS := linux/arm64 linux/amd64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
LINT      := $(GO) tool -modfile=tools/go.mod golangci-lint
FUZZTIME  ?= 30s

# Packages whose tests start the binary as a process. They use the plain build,
# so running them under the race detector would only make them slow.
PROCESS = $(GO) list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '/internal\/proctest/ {print $$1}'

.PHONY: build test demo demo-up demo-down bench peers lint fuzz format-check vet cross unit process race-tools clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/leat ./cmd/leat

# The steps run one after the other, quickest first, so that a mistake shows early.
test: race-tools
	@start=$$SECONDS; \
	for step in format-check build vet unit process lint cross; do \
	  echo "== $$step"; $(MAKE) --no-print-directory $$step || { echo "FAILED: make $$step"; exit 1; }; \
	done; \
	echo "ok: all tests passed in $$((SECONDS - start)) s"

format-check:
	@bad=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$bad" ]; then echo "not formatted (run gofmt -w):"; echo "$$bad"; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags invariants,peers ./...
	$(GO) vet -C tests/clients/godriver ./...

# Under the race detector, with released memory poisoned and invariants checked. Both allocate,
# so that tests of allocations (Test...Allocations) run in the plain build.
unit: race-tools
	CGO_ENABLED=1 $(GO) test -race -tags invariants -skip 'Allocations$$' -timeout 10m $$($(GO) list ./... | grep -vxFf <($(PROCESS); echo -))
	CGO_ENABLED=0 $(GO) test -run 'Allocations$$' $$(grep -rl --include='*_test.go' -E '^func Test[A-Za-z]*Allocations\(' . | xargs -r -n1 dirname | sort -u)

# As a user runs it: the plain binary, started, killed and started again. One package at a time:
# each keeps both processors busy.
process: build
	pkgs=$$($(PROCESS)); [ -z "$$pkgs" ] || CGO_ENABLED=0 $(GO) test -p 1 -timeout 14m $$pkgs

lint:
	$(LINT) run ./...

# Unoptimized, because only that it compiles and links is asked: that halves the time.
cross:
	@for p in $(PLATFORMS); do \
	  echo "building for $$p"; \
	  CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -gcflags='all=-N -l' -o /dev/null ./cmd/leat; \
	done

# The race detector needs a C compiler.
race-tools:
	@command -v $${CC:-gcc} >/dev/null && [ -e /usr/include/stdlib.h -o -n "$${CC:-}" ] && exit 0; \
	echo "installing gcc for the race detector"; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	$$sudo apt-get -q update && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -q -y --no-install-recommends gcc libc6-dev \
	  || { echo "the race detector needs gcc and libc6-dev; install them and run make again"; exit 1; }

demo: build
	$(GO) run ./demo $(DEMOFLAGS)

# The same, left running; the last lines say how to look at it and how to stop it.
demo-up: build
	$(GO) run ./demo -up $(DEMOFLAGS)

demo-down:
	$(GO) run ./demo -down

# Real runs of 30 s and more beside the physical limits of this machine.
bench: build
	$(GO) run ./bench $(BENCHFLAGS)

# Against the Java programs; needs Java 17 and Maven.
peers: build
	$(GO) test -tags peers -timeout 60m -v ./peers/...

# Every fuzz target for FUZZTIME. (The seeds run in every `make test`.)
fuzz:
	@$(GO) list ./... | while read -r pkg; do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "fuzzing $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

clean:
	rm -rf bin
