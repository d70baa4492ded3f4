# Rapport. `make` alone prints what there is.
SHELL := /bin/bash
GO    ?= go
PORT  ?= 8000
SIM_PORT ?= 8100
DATA  ?= rapport-data
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.DEFAULT_GOAL := help
.PHONY: help build demo test check bench web e2e unit web-test race lint fmt generate fresh clean fuzz screenshots

help: ## print this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

build: bin/rapport ## build bin/rapport with the web UI inside

demo: bin/rapport ## run program + simulator with sample data, on http://localhost:8000
	bin/rapport demo --port $(PORT) --sim-port $(SIM_PORT) --data $(DATA)

test: ## everything: Go on SQLite and PostgreSQL, the web UI, the browser
	@scripts/need go node npm python3 curl postgres dovecot chromium
	@$(MAKE) --no-print-directory build
	@scripts/with-postgres $(GO) test -timeout 20m ./...
	@$(MAKE) --no-print-directory web-test
	@scripts/with-postgres $(MAKE) --no-print-directory e2e

check: ## vet, staticcheck, formatting, floors, fresh generated files, race tests, types, Biome
	@scripts/need go node npm python3 curl postgres dovecot
	@scripts/check

bench: bin/rapport ## measure what docs/performance.md reports
	@scripts/need go node npm postgres
	@scripts/with-postgres scripts/bench

e2e: bin/rapport ## the walk in real Chromium against the program and the simulator
	@scripts/need chromium
	@cd web && npm run --silent e2e

web-test: web/node_modules/.package-lock.json ## unit tests of the web UI
	@cd web && npm run --silent test

web: web/dist/index.html ## build the web UI into web/dist

generate: ## make generated files anew: OpenAPI, TypeScript client, configuration docs, discovery documents
	@scripts/generate

fmt: ## format Go and TypeScript
	gofmt -w $$(git ls-files '*.go')
	cd web && npx biome check --write src e2e

fuzz: ## fuzz every parser of outside bytes for 20 s each
	@scripts/fuzz 20s

clean: ## remove what was built (keeps rapport-data)
	rm -rf bin web/dist/* web/node_modules

WEB_SOURCES := $(shell find web/src web/public web/index.html web/vite.config.ts -type f 2>/dev/null)
GO_SOURCES  := $(shell find cmd internal simulator web client -name '*.go' -not -name '*_test.go' -not -path '*/node_modules/*' 2>/dev/null) $(shell find internal simulator -type f \( -name '*.sql' -o -name '*.json' -o -name '*.gz' -o -name '*.html' -o -name '*.css' \) 2>/dev/null)

web/node_modules/.package-lock.json: web/package-lock.json
	@scripts/need node npm
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && npm run --silent build
	@touch $@

# Without cgo the program needs no C library. grpcnotrace leaves out pages of gRPC that show its requests: their
# templates would keep every method of every type, a tenth of the program's size (simulator/oauth/markup.go).
bin/rapport: web/dist/index.html $(GO_SOURCES) go.mod go.sum
	@scripts/need go
	CGO_ENABLED=0 $(GO) build -tags grpcnotrace -ldflags "-s -w -X main.version=$(VERSION)" -o bin/rapport ./cmd/rapport
