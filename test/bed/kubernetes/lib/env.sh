# Common settings of the test bed (sourced). Nothing is ever written beside the scripts.
BED=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
ROOT=$(cd "$BED/../../.." && pwd)
K8S_VERSION=v1.37.2
CACHE=${CONTOUR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/contour/testbed-$K8S_VERSION
BIN=$CACHE/bin                      # binaries
IMAGES=$CACHE/images                # image tars that every cluster gets
NS=${BED_NAME:-contour-bed}         # name of the network namespace; another name = another independent cluster
RUN=$CACHE/run-$NS                  # state of one cluster
CTRD=/run/$NS-containerd            # containerd state and socket (a short path: sockets allow 108 characters)
PKI=$RUN/pki
export BED_NAME=$NS CONTAINERD_ADDRESS=$CTRD/containerd.sock CONTAINERD_NAMESPACE=k8s.io
NODE_IP=10.245.0.2
POD_CIDR=10.244.0.0/16
NODE_POD_CIDR=10.244.0.0/24
SVC_CIDR=10.96.0.0/17
DNS_IP=10.96.0.10
NODE_NAME=bed-node
export KUBECONFIG=$RUN/admin.kubeconfig
PATH=$BIN:$PATH
innet() { nsenter --net=/run/netns/$NS -- "$@"; }
alive() { [ -r /proc/$1/stat ] && ! grep -q '^State:.Z' /proc/$1/status 2>/dev/null; }   # a zombie counts as gone
log() { printf '%s %s\n' "$(date +%T)" "$*"; }
# Holds a lock until the script ends: a second caller waits and says so.
lock() {
  mkdir -p "$(dirname "$1")"; exec 9>"$1"
  flock -n 9 || { log "waiting for another run that holds $1"; flock 9; }
}
