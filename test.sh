#!/bin/sh
# Passes all tests, doing its own set-up: npm packages, the Envoy binary, a Kubernetes built from Go modules (once, cached).
#   ./test.sh --fast           without what needs Kubernetes
#   ./test.sh --without-pods   with an API server, but no nodes and pods: no root; builds nothing where KUBEBUILDER_ASSETS is set
set -eu
cd "$(dirname "$0")"
mode=${1:-all}
say() { printf '\n== %s\n' "$*"; }

near="src/**/*.test.ts bench/*.test.ts test/*.test.ts test/xds/*.test.ts test/envoy/*.test.ts test/golden/*.test.ts test/fields/*.test.ts test/security/*.test.ts test/run/*.test.ts conformance/*.test.ts"
api="test/bed/*.test.ts test/kubernetes/*.test.ts test/crds/*.test.ts test/reliability/*.test.ts"
pods="test/cluster/*.test.ts test/observability/*.test.ts test/doctor/*.test.ts test/cni/*.test.ts"
case $mode in
  all) setup=conformance; tests="$near $api $pods" ;;
  --without-pods) setup=control; tests="$near $api" ;;
  --fast) setup=; tests=$near ;;
  *) echo "usage: ./test.sh [--fast | --without-pods]" >&2; exit 2 ;;
esac

say "npm packages"
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then npm ci --no-audit --no-fund --loglevel=error; fi

say "types"
node_modules/.bin/tsc -p tsconfig.json
say "lint"
node_modules/.bin/oxlint --quiet src test bench tools conformance

say "Envoy"
bin/node test/bed/ensure-envoy.ts

if [ -n "$setup" ]; then
  say "Kubernetes for tests (the first time it is built from its Go modules: 10 to 20 minutes on 2 cores)"
  bash test/bed/setup.sh "$setup"
fi

if [ "$setup" = conformance ]; then
  say "Gateway API conformance: the official suite, experimental CRDs, parallel"
  bin/node conformance/run.ts --channel experimental
  say "Gateway API conformance: the official suite, standard CRDs, serial"
  bin/node conformance/run.ts --channel standard --serial
  say "Over networks of all kinds: the CNI matrix"
  bash test/cni/setup.sh
  bin/node test/cni/main.ts --kept test/cni/results.json
fi

say "tests"
set -f # the patterns are for Node
# shellcheck disable=SC2086
exec bin/node --test --test-concurrency=2 $tests
