#!/bin/bash
# Makes this machine ready for the tests. Usage: setup.sh [control|cluster|conformance]   (default: cluster)
#   control      what startApiServer() needs: etcd, kube-apiserver (not built when KUBEBUILDER_ASSETS is set); Helm; an ACME server; a name server; Envoy
#   cluster      control + what startCluster() needs: Debian packages (root), CoreDNS, images
#   conformance  cluster + the Gateway API conformance suite + Contour in Go + Prometheus
# Safe to repeat; a second run takes seconds.
set -euo pipefail
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
. "$HERE/kubernetes/lib/env.sh"
WHAT=${1:-cluster}
PACKAGES="containerd runc containernetworking-plugins buildah nftables conntrack curl iproute2 bc openssl"

packages_missing() {
  for c in containerd runc buildah nft conntrack curl ip bc openssl; do PATH=$PATH:/usr/sbin:/sbin command -v $c >/dev/null || return 0; done
  [ ! -x /usr/lib/cni/bridge ]
}
install_packages() {
  packages_missing || return 0
  log "installing Debian packages: $PACKAGES"
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -yq $PACKAGES >/dev/null
}
node_modules() {
  [ -d "$ROOT/node_modules" ] && return 0
  log "installing npm packages"; (cd "$ROOT" && npm ci --no-audit --no-fund)
}
envoy() {
  [ -f "$ROOT/src/app/envoy-binary.ts" ] || return 0
  log "Envoy: $("$ROOT/bin/node" "$ROOT/test/bed/ensure-envoy.ts")"
}
# Programs that tests start, and that need no root.
programs() {
  PATH=$PATH:/usr/sbin command -v named >/dev/null || "$HERE/kubernetes/build/unpack.sh" bind9 "$CACHE/bind"
  "$HERE/kubernetes/build/unpack.sh" libfaketime "$CACHE/faketime"
  "$HERE/kubernetes/build/unpack.sh" wrk "$CACHE/wrk"
  command -v sslscan >/dev/null || "$HERE/kubernetes/build/unpack.sh" sslscan "$CACHE/sslscan"
}
node_modules
programs
case $WHAT in
  control) [ -n "${KUBEBUILDER_ASSETS:-}" ] || "$HERE/kubernetes/build/build.sh" control; "$HERE/kubernetes/build/build.sh" helm acme certmanager ;;
  cluster) install_packages; "$HERE/kubernetes/build/build.sh" cluster helm acme certmanager ;;
  conformance) install_packages; "$HERE/kubernetes/build/build.sh" cluster helm acme certmanager conformance gocontour prometheus ;;
  *) echo "unknown target $WHAT: control, cluster or conformance" >&2; exit 2 ;;
esac
envoy
log "ready: $WHAT"
