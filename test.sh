#!/bin/sh
# Passes all tests, doing its own set-up: npm packages, the Envoy binary, a Kubernetes built from Go modules (once, cached).
# ./test.sh --fast leaves out what needs Kubernetes.
set -eu
cd "$(dirname "$0")"
say() { printf '\n== %s\n' "$*"; }

say "npm packages"
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then npm ci --no-audit --no-fund --loglevel=error; fi

say "types"
node_modules/.bin/tsc -p tsconfig.json
say "lint"
node_modules/.bin/oxlint --quiet src test bench

say "Envoy"
bin/node test/bed/ensure-envoy.ts

if [ "${1:-}" != --fast ]; then
  say "Kubernetes for tests (the first time it is built from its Go modules: 10 to 20 minutes on 2 cores)"
  bash test/bed/setup.sh
fi

say "tests"
if [ "${1:-}" = --fast ]; then
  exec bin/node --test --test-concurrency=2 'src/**/*.test.ts' 'test/*.test.ts' 'test/xds/*.test.ts' 'test/envoy/*.test.ts' 'test/run/*.test.ts'
fi
exec bin/node --test --test-concurrency=2 'src/**/*.test.ts' 'test/**/*.test.ts'
