# sourced by up.sh: containerd, kubelet, kube-proxy, CoreDNS, LoadBalancer controller
mkdir -p $RUN/cni/net.d $CTRD $RUN/kubelet
# Replaces a file only when it changes: kube-proxy ends itself when somebody writes its configuration, and a kept cluster comes here again.
settle() { cat > $1.new; if cmp -s $1.new $1; then rm $1.new; else mv $1.new $1; fi; }
sed "s#@RUN@#$RUN#g; s#@CTRD@#$CTRD#g" $BED/lib/containerd.toml.in > $RUN/containerd.toml
cat > $RUN/cni/net.d/10-bed.conflist <<C
{"cniVersion":"0.4.0","name":"bed","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"hairpinMode":true,"ipMasq":false,"mtu":1500,
  "ipam":{"type":"host-local","dataDir":"$RUN/cni/state","ranges":[[{"subnet":"$NODE_POD_CIDR"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
C
start containerd containerd -c $RUN/containerd.toml
wait_for 60 containerd ctr version
bash $BED/import.sh
say "images imported"
printf 'nameserver 127.0.0.53\n' > $RUN/resolv.conf
cat > $RUN/kubelet.yaml <<C
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_IP
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet.crt
tlsPrivateKeyFile: $PKI/kubelet.key
clusterDomain: cluster.local
clusterDNS: [$DNS_IP]
resolvConf: $RUN/resolv.conf
containerRuntimeEndpoint: unix://$CTRD/containerd.sock
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
maxPods: 200
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
syncFrequency: 10s
kubeAPIQPS: 200
kubeAPIBurst: 400
podLogsDir: $RUN/podlogs
systemReserved: {}
C
start kubelet $BIN/kubelet --config=$RUN/kubelet.yaml --kubeconfig=$RUN/kubelet.kubeconfig --root-dir=$RUN/kubelet \
  --hostname-override=$NODE_NAME --node-ip=$NODE_IP --cert-dir=$RUN/kubelet/pki --v=2
settle $RUN/kube-proxy.yaml <<C
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
clientConnection: {kubeconfig: $RUN/kube-proxy.kubeconfig, qps: 200, burst: 400}
clusterCIDR: $POD_CIDR
hostnameOverride: $NODE_NAME
mode: ${PROXY_MODE:-nftables}
detectLocalMode: ClusterCIDR
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {minSyncPeriod: 0s, syncPeriod: 30s}
iptables: {minSyncPeriod: 0s, syncPeriod: 30s}
C
start kube-proxy $BIN/kube-proxy --config=$RUN/kube-proxy.yaml --v=2
wait_for 180 "node Ready" bash -c "nsenter --net=/run/netns/$NS $BIN/kubectl get node $NODE_NAME -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}' | grep -q True"
start load-balancer "$ROOT/bin/node" "$ROOT/test/bed/load-balancer.ts" $RUN
innet $BIN/kubectl apply -f $BED/lib/addons.yaml >/dev/null
wait_for 180 "CoreDNS" innet $BIN/kubectl -n kube-system rollout status deploy/coredns --timeout=1s
