#!/bin/bash
# Stops everything up.sh started. Usage: [BED_NAME=name] down.sh [--wipe] (wipe also removes etcd data, pki, container state)
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/lib/env.sh"
[ -x $BED/lib/node-down.sh ] && bash $BED/lib/node-down.sh
SIG=TERM; [ "${1:-}" = --wipe ] && SIG=KILL   # data goes away anyhow: no graceful end
for n in load-balancer kube-proxy kubelet containerd kube-scheduler kube-controller-manager kube-apiserver etcd; do
  f=$RUN/pid/$n; [ -f $f ] || continue
  p=$(cat $f); kill -$SIG $p 2>/dev/null
  for _ in $(seq 50); do alive $p || break; sleep 0.1; done
  alive $p && kill -9 $p; rm -f $f
done
ip netns del $NS 2>/dev/null
[ "${1:-}" = --wipe ] && rm -rf $RUN $CTRD /run/$NS-relay-*.sock
true
