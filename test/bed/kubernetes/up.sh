#!/bin/bash
# Brings a cluster up (12-25 s); idempotent. Usage: [BED_NAME=name] up.sh [control|all]   (control = without a node)
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib/env.sh"
WHAT=${1:-all}
mkdir -p $RUN/log $RUN/pid
lock $RUN/lock
T0=$(date +%s.%N)
say() { printf '%6.1fs %s\n' "$(echo "$(date +%s.%N) - $T0" | bc)" "$*"; }
start() { # name cmd...
  local n=$1; shift
  if [ -f $RUN/pid/$n ] && alive "$(cat $RUN/pid/$n)"; then return 0; fi
  ( cd $RUN; exec setsid nsenter --net=/run/netns/$NS -- "$@" </dev/null >>$RUN/log/$n.log 2>&1 9>&- ) &
  echo $! > $RUN/pid/$n; disown
}
wait_for() { # seconds what cmd...
  local s=$1 w=$2; shift 2; local end=$((SECONDS+s))
  while :; do "$@" >/dev/null 2>&1 && { say "$w ok"; return 0; }; [ $SECONDS -ge $end ] && break; sleep 0.2; done
  say "$w NOT ready after ${s}s"; return 1
}
bash $BED/lib/certs.sh
bash $BED/lib/net.sh
[ -x $BIN/hyperkube ] || { echo "no binaries in $BIN: run test/bed/setup.sh" >&2; exit 1; }
start etcd $BIN/etcd --name bed --data-dir $RUN/etcd --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster bed=http://127.0.0.1:2380 \
  --unsafe-no-fsync --quota-backend-bytes 4294967296 --auto-compaction-mode periodic --auto-compaction-retention 30m
wait_for 60 etcd innet curl -sf http://127.0.0.1:2379/health
start kube-apiserver $BIN/kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address=$NODE_IP --secure-port=6443 \
  --service-cluster-ip-range=$SVC_CIDR --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
  --client-ca-file=$PKI/ca.crt --tls-cert-file=$PKI/apiserver.crt --tls-private-key-file=$PKI/apiserver.key \
  --kubelet-certificate-authority=$PKI/ca.crt --kubelet-client-certificate=$PKI/apiserver-kubelet.crt --kubelet-client-key=$PKI/apiserver-kubelet.key \
  --kubelet-preferred-address-types=InternalIP \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local --service-account-key-file=$PKI/sa.pub --service-account-signing-key-file=$PKI/sa.key \
  --requestheader-client-ca-file=$PKI/ca.crt --requestheader-allowed-names=front-proxy-client --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --requestheader-group-headers=X-Remote-Group --requestheader-username-headers=X-Remote-User \
  --proxy-client-cert-file=$PKI/front-proxy.crt --proxy-client-key-file=$PKI/front-proxy.key --enable-aggregator-routing=true \
  --max-requests-inflight=800 --max-mutating-requests-inflight=400 --event-ttl=1h
wait_for 240 kube-apiserver innet curl -sf --cacert $PKI/ca.crt --cert $PKI/admin.crt --key $PKI/admin.key https://$NODE_IP:6443/readyz
if [ -x $BIN/kube-controller-manager ]; then
start kube-controller-manager $BIN/kube-controller-manager --kubeconfig=$RUN/kcm.kubeconfig --authentication-kubeconfig=$RUN/kcm.kubeconfig --authorization-kubeconfig=$RUN/kcm.kubeconfig \
  --service-account-private-key-file=$PKI/sa.key --root-ca-file=$PKI/ca.crt --use-service-account-credentials=true \
  --cluster-signing-cert-file=$PKI/ca.crt --cluster-signing-key-file=$PKI/ca.key --allocate-node-cidrs=true --cluster-cidr=$POD_CIDR \
  --service-cluster-ip-range=$SVC_CIDR --leader-elect=false --bind-address=127.0.0.1 --kube-api-qps=200 --kube-api-burst=400
start kube-scheduler $BIN/kube-scheduler --kubeconfig=$RUN/scheduler.kubeconfig --authentication-kubeconfig=$RUN/scheduler.kubeconfig \
  --authorization-kubeconfig=$RUN/scheduler.kubeconfig --leader-elect=false --bind-address=127.0.0.1 --kube-api-qps=200 --kube-api-burst=400
wait_for 180 "controller-manager (default serviceaccount)" innet curl -sf --cacert $PKI/ca.crt --cert $PKI/admin.crt --key $PKI/admin.key https://$NODE_IP:6443/api/v1/namespaces/default/serviceaccounts/default
fi
[ "$WHAT" = control ] && { say "control plane up"; exit 0; }
[ -x $BED/lib/node.sh ] && . $BED/lib/node.sh
say "cluster up"
