import { checks } from "../../test/cni/checks.ts";
import type { WiringResult } from "../../test/cni/results.ts";
import { resultTable } from "../../test/cni/results.ts";

/** docs/cni.md, from what a run of the matrix found. */
export function cniPage(results: readonly WiringResult[]): string {
  return `${[
    "# Over which networks this was tried",
    "",
    "Contour needs from a network that Envoy reaches the addresses of pods, and nothing else. That is tried, not claimed: two nodes (network namespaces), pods on both, a real",
    "API server and controller, and two real Envoys, one as a pod and one in the network of its node. This page is written from the results of",
    "",
    "    npm run test:cni -- --output test/cni/results.json && bin/node tools/cni/write.ts",
    "",
    "which needs root and installs what it needs. With `-- --cni-bin DIR --cni-conf DIR` the same checks run over plugins of your own: DIR has a list as `/etc/cni/net.d` has it, or one for each",
    "node in `DIR/n1` and `DIR/n2`; a program `start` beside it is run in the node's network first, for routes and daemons (`NODE_NAME`, `NODE_ADDRESS`, `CNI_PATH`). A test does so with plugins",
    "under other names (`test/cni/given.test.ts`).",
    "",
    "`./test.sh` runs it, and fails where a check fails or finds what is not written here.",
    "",
    ...resultTable(results),
    "",
    "## What is real in each, and what was seen",
    ...results.flatMap(({ wiring, component, findings }) => ["", `**${wiring}**: ${component}.`, "", ...checks.flatMap(({ id, title }) => ((findings[id]?.detail ?? "") === "" ? [] : [`- ${title}: ${findings[id]?.detail}`]))]),
    "",
    ...notes,
  ].join("\n")}\n`;
}

/** What these networks are known for; measured over their real components, elsewhere. */
const notes: readonly string[] = [
  "## What to know of your network",
  "",
  "- **Policies** name Envoy by namespace and label, which is right on every network: [deploy/](../deploy/README.md#network-policies) has them for controller, Envoys, provisioned Envoys and",
  "  the namespaces behind them. A host-network Envoy has no label that counts; what pods see of it differs: the node's address, a bridge's, a gateway's or a tunnel's. The matrix says for each",
  "  network which file of `deploy/network-policies/host-network` opens it, and what the nodes' own addresses would have opened, which is seldom all. Such a policy lets in every process of these",
  "  nodes. Prefer Envoys with a hostPort or a Service of type LoadBalancer where policies deny by default. Here nftables, Open vSwitch's flows or eBPF put their ingress side into force,",
  "  for pods behind Envoy, for Envoy and for the controller; what real agents do besides, as letting a node reach its own pods always (Calico, Cilium, Antrea), is reproduced for Cilium only.",
  "- **Open connections** outlive policies on Calico, Weave Net and Antrea, and hang on Cilium; new ones are dropped. A health check over a kept connection can stay green.",
  "- **Overlays** take bytes of each packet: with VXLAN pods have an MTU of 1450. Where pods have more, and ICMP is dropped, small answers come and large ones hang.",
  "- **Flannel** enforces no policies. **Weave Net** hides clients of a hostPort behind its bridge. **Antrea** serves cluster IPs to pods, to nodes only with `proxyAll`.",
  "  **Cilium** without kube-proxy serves them to both; for a host-network Envoy its policies name the entities `host` and `remote-node`.",
  "- **Cluster IPs instead of pods**: `spec.envoy.cluster.upstreamAddresses: ClusterIP` of a ContourConfiguration (`cluster.upstream-addresses` of a configuration file) for all Services, the annotation",
  "  `projectcontour.io/upstream-addresses: ClusterIP` or `Endpoints` for one. Whoever serves cluster IPs then balances, per connection.",
  "- **Dual stack**: `spec.envoy.cluster.preferredAddressFamily: IPv4` or `IPv6` chooses among a Service's addresses while it has ready ones of that family.",
  "- **Zones and nodes**: hints of EndpointSlices (`trafficDistribution: PreferSameZone` and the like) are honoured by Envoys in pods and in host networks alike; kube-proxy has no part in it.",
];
