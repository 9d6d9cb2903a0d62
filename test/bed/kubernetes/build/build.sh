#!/bin/bash
# Builds what the test bed runs, from Go modules. Usage: build.sh [control|acme|helm|cluster|conformance|certmanager|gocontour|prometheus]...  (default: cluster)
#   control      etcd, kube-apiserver and the rest of Kubernetes: one binary, about 13 CPU minutes the first time
#   acme         Pebble, an ACME server for tests, with its DNS server (a few seconds)
#   cluster      control + CoreDNS, the pause container and the echo server (about 3 more)
#   helm         Helm, which renders the chart (about 4 CPU minutes)
#   conformance  the Gateway API's own conformance suite and its CRDs (1 to 5 more)
#   certmanager  cert-manager's controllers for ACME, and its CRDs (about 4 CPU minutes)
#   gocontour    Contour in Go, to come from, and its manifests (about 3)
#   prometheus   Prometheus, which discovers in Kubernetes only, and promtool (about 6)
# Safe to repeat and to run twice at once. Needs Go.
set -euo pipefail
B=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
. "$B/../lib/env.sh"
mkdir -p "$BIN" "$IMAGES"
lock "$CACHE/build.lock"
export CGO_ENABLED=0

# Prints what the compiler is at, once in a while, so that nobody thinks it hangs.
build() { # output module-folder go-arguments...
  local out=$1 dir=$2; shift 2
  [ -x "$BIN/$out" ] && return 0
  log "building $out (packages so far are printed every 30 s)"
  local list; list=$(mktemp)
  (cd "$B/$dir" && exec go "$1" -v -trimpath -o "$BIN/$out.new" "${@:2}") 2>"$list" 9>&- & local pid=$!
  local waited=0
  while kill -0 $pid 2>/dev/null; do
    sleep 1; waited=$((waited+1)); [ $((waited%30)) = 0 ] && log "  $out: $(wc -l <"$list") packages after ${waited} s"
  done
  wait $pid || { tail -20 "$list" >&2; rm -f "$list"; return 1; }
  rm -f "$list"; mv "$BIN/$out.new" "$BIN/$out"
}
image() { # name, arguments of image.ts...
  [ -f "$IMAGES/$1.tar" ] || "$ROOT/bin/node" "$ROOT/test/bed/image-cli.ts" "$IMAGES/$1.tar" "${@:2}"
}
build_control() {
  local p=k8s.io/component-base/version
  build hyperkube hyperkube build -ldflags "-s -w -X $p.gitVersion=$K8S_VERSION -X $p.gitMajor=1 -X $p.gitMinor=37 -X $p.gitTreeState=clean"
  for c in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do ln -sf hyperkube "$BIN/$c"; done
}
build_helm() { build helm helm build -ldflags "-s -w" helm.sh/helm/v4/cmd/helm; }
build_acme() {
  [ -x "$BIN/pebble" ] && [ -x "$BIN/pebble-challtestsrv" ] && return 0
  log "building Pebble"
  (cd "$B/pebble" && go build -trimpath -ldflags "-s -w" -o "$BIN/" github.com/letsencrypt/pebble/v2/cmd/...)
}
build_cluster() {
  build_control
  build coredns coredns build -ldflags "-s -w"
  build pause pause build -ldflags "-s -w"
  build_echo
  image pause test.local/pause:1 "$BIN/pause:/pause"
  image coredns test.local/coredns:1 "$BIN/coredns:/coredns"
  image echo-basic "$(echo_tags)" "$BIN/echo-basic:/echo-basic"
}
gateway_api() { (cd "$B/gatewayapi" && go list -m -f '{{.Dir}}' "$1"); }
build_echo() {
  [ -x "$BIN/echo-basic" ] && return 0
  log "building echo-basic"
  (cd "$B/gatewayapi" && go build -trimpath -ldflags "-s -w" -o "$BIN/echo-basic" sigs.k8s.io/gateway-api/conformance/echo-basic)
}
# The tags under which the suite's own manifests name the echo server, and one of ours.
echo_tags() {
  { echo test.local/echo-basic:latest
    grep -rhoE 'image: *\S*echo-basic:\S+' "$(gateway_api sigs.k8s.io/gateway-api/conformance)" --include=*.yaml | sed 's/image: *//' | sort -u; } | paste -sd, -
}
build_conformance() {
  build_echo
  if [ ! -x "$BIN/gateway-conformance.test" ]; then
    log "building the Gateway API conformance suite"
    (cd "$B/gatewayapi" && go test -c -trimpath -o "$BIN/gateway-conformance.test" sigs.k8s.io/gateway-api/conformance)
  fi
  ln -sfn "$(gateway_api sigs.k8s.io/gateway-api)/config/crd" "$CACHE/gateway-api-crds"   # both channels
}
build_certmanager() {
  build certmanager certmanager build -ldflags "-s -w"
  ln -sfn "$(cd "$B/certmanager" && go list -m -f '{{.Dir}}' github.com/cert-manager/cert-manager)/deploy/crds" "$CACHE/cert-manager-crds"
}
build_prometheus() {
  local m=github.com/prometheus/prometheus/cmd
  build prometheus-kubernetes prometheus build -tags remove_all_sd,enable_kubernetes_sd -ldflags "-s -w" $m/prometheus
  build promtool prometheus build -tags remove_all_sd -ldflags "-s -w" $m/promtool
}
build_gocontour() {
  local m=github.com/projectcontour/contour version
  version=$(cd "$B/gocontour" && go list -m -f '{{.Version}}' $m)
  build "contour-$version" gocontour build -ldflags "-s -w" $m/cmd/contour
  ln -sfn "$(cd "$B/gocontour" && go list -m -f '{{.Dir}}' $m)/examples/render" "$CACHE/gocontour-manifests"
}
for target in "${@:-cluster}"; do
  case $target in
    control|acme|helm|cluster|conformance|certmanager|gocontour|prometheus) build_"$target" ;;
    *) echo "unknown target $target: control, acme, helm, cluster, conformance, certmanager, gocontour or prometheus" >&2; exit 2 ;;
  esac
done
log "ready in $CACHE"
