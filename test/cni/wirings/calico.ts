import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../bed/wait.ts";
import { PluginRunner } from "../cni-plugins.ts";
import type { PluginList } from "../cni-plugins.ts";
import { enforceWithNftables } from "../enforce.ts";
import type { Lab, NodeName } from "../lab.ts";
import { nodeNames, underlay } from "../lab.ts";
import type { PodNetwork, PodWish, Wiring } from "../network.ts";
import { toolsEnv } from "../tools.ts";
import { otherNode, portmap, subnetNumber } from "./reference.ts";

const block = (node: NodeName): string => `10.63.${subnetNumber(node)}.0/26`;
const block6 = (node: NodeName): string => `fd63:0:0:${subnetNumber(node)}::/122`;
/** The address of a node's tunnel, out of its block. */
const tunnel = (node: NodeName): string => `10.63.${subnetNumber(node)}.1`;
const tunnel6 = (node: NodeName): string => `fd63:0:0:${subnetNumber(node)}::1`;
const hardware = (node: NodeName): string => `66:63:00:00:00:0${subnetNumber(node)}`;

/** Calico without encapsulation: each pod a /32 behind a link to 169.254.1.1, the nodes' blocks exchanged by BGP. */
export const calico: Wiring = {
  name: "calico-bgp",
  component: "wiring reproduced: a /32 and a /128 for each pod behind 169.254.1.1 with proxy ARP and a link-local address; real: BGP by Debian's bird, portmap; no Felix",
  v6: true, mtu: 1500, hostPort: "kept", hostPolicies: "calico.yaml",
  async prepare(lab) {
    for (const node of nodeNames) await startBird(lab, node);
    for (const node of nodeNames) await waitFor(async () => (await lab.sh(node, "ip route")).includes(block(otherNode(node))) && (await lab.sh(node, "ip -6 route")).includes(block6(otherNode(node))), { what: `${node} learns the other node's blocks by BGP`, timeoutMs: 30_000 });
    return podNetwork(lab, 1500, (node) => [underlay[node].v4, underlay[node].v6]);
  },
};

/** Calico with VXLAN for all pods of the other node; the MTU is that of the smaller one of two tunnels. */
export const calicoVxlan: Wiring = {
  name: "calico-vxlan",
  component: "wiring reproduced: pods as in calico-bgp; Felix's VXLAN devices, routes, neighbours and forwarding entries; real: the kernel's VXLAN, portmap; no Felix",
  v6: true, mtu: 1430, hostPort: "kept", hostPolicies: "calico.yaml",
  async prepare(lab) {
    for (const node of nodeNames) {
      const other = otherNode(node);
      await lab.sh(node, `ip link add vxlan.calico address ${hardware(node)} mtu 1450 type vxlan id 4096 dev eth0 local ${underlay[node].v4} dstport 4789 nolearning
ip addr add ${tunnel(node)}/32 dev vxlan.calico && ip link set vxlan.calico up
bridge fdb append ${hardware(other)} dev vxlan.calico dst ${underlay[other].v4}
ip neigh add ${tunnel(other)} lladdr ${hardware(other)} dev vxlan.calico nud permanent
ip route add ${block(other)} via ${tunnel(other)} dev vxlan.calico onlink
ip link add vxlan-v6.calico address ${hardware(node)} mtu 1430 type vxlan id 4097 dev eth0 local ${underlay[node].v6} dstport 4789 nolearning
ip -6 addr add ${tunnel6(node)}/128 dev vxlan-v6.calico nodad && ip link set vxlan-v6.calico up
bridge fdb append ${hardware(other)} dev vxlan-v6.calico dst ${underlay[other].v6}
ip -6 neigh add ${tunnel6(other)} lladdr ${hardware(other)} dev vxlan-v6.calico nud permanent
ip -6 route add ${block6(other)} via ${tunnel6(other)} dev vxlan-v6.calico onlink`);
    }
    return podNetwork(lab, 1430, (node) => [underlay[node].v4, underlay[node].v6, tunnel(node), tunnel6(node)]);
  },
};

function podNetwork(lab: Lab, mtu: number, nodeAddresses: PodNetwork["nodeAddresses"]): PodNetwork {
  const list = (): PluginList => ({ cniVersion: "1.0.0", name: "k8s-pod-network", plugins: [portmap] });
  const runner = new PluginRunner(lab, list);
  const given = new Map<NodeName, number>();
  return {
    attach: async (pod) => {
      const number = (given.get(pod.node) ?? 1) + 1;
      given.set(pod.node, number);
      return runner.add(pod, await connect(lab, pod, number, mtu));
    },
    detach: async (pod) => {
      await lab.sh(pod.node, `ip link del ${pod.hostInterface}`);
      await runner.remove(pod);
    },
    enforce: (rules) => enforceWithNftables(lab, rules),
    nodeAddresses,
  };
}

/** What the calico plugin does for a pod. Gives its result as the plugin would. */
async function connect(lab: Lab, pod: PodWish, number: number, mtu: number): Promise<object> {
  await lab.addSpace(pod.name);
  const [v4, v6] = [`10.63.${subnetNumber(pod.node)}.${number}`, `fd63:0:0:${subnetNumber(pod.node)}::${number.toString(16)}`];
  const hostInterface = `cali${pod.name.slice(0, 11)}`;
  // The link's hardware address makes its link-local one, which pods have as their gateway.
  await lab.sh(pod.node, `ip link add ${hostInterface} address ee:ee:ee:ee:ee:ee mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${lab.space(pod.name)}
sysctl -qw net.ipv4.conf.${hostInterface}.proxy_arp=1 net.ipv4.conf.${hostInterface}.forwarding=1 net.ipv4.neigh.${hostInterface}.proxy_delay=0 net.ipv6.conf.${hostInterface}.proxy_ndp=1 net.ipv6.conf.${hostInterface}.accept_dad=0
ip link set ${hostInterface} up
ip route add ${v4}/32 dev ${hostInterface} scope link; ip -6 route add ${v6}/128 dev ${hostInterface}`);
  await lab.sh(pod.name, `sysctl -qw net.ipv6.conf.eth0.accept_dad=0
ip link set eth0 up && ip addr add ${v4}/32 dev eth0 && ip route add 169.254.1.1 dev eth0 scope link && ip route add default via 169.254.1.1 dev eth0
ip -6 addr add ${v6}/128 dev eth0 nodad && ip -6 route add default via fe80::ecee:eeff:feee:eeee dev eth0`);
  return { cniVersion: "1.0.0", interfaces: [{ name: hostInterface }, { name: "eth0", sandbox: lab.spacePath(pod.name) }], ips: [{ address: `${v4}/32`, interface: 1 }, { address: `${v6}/128`, interface: 1 }], routes: [] };
}

async function startBird(lab: Lab, node: NodeName): Promise<void> {
  const other = otherNode(node);
  const path = join(lab.folder, `bird-${node}.conf`);
  writeFileSync(path, `router id ${underlay[node].v4};
protocol device { }
protocol direct { ipv4; ipv6; interface "eth0"; }
protocol static { ipv4; route ${block(node)} blackhole; }
protocol static { ipv6; route ${block6(node)} blackhole; }
protocol kernel { ipv4 { export filter { if source = RTS_BGP then accept; reject; }; }; }
protocol kernel { ipv6 { export filter { if source = RTS_BGP then accept; reject; }; }; }
protocol bgp { local ${underlay[node].v4} as 64512; neighbor ${underlay[other].v4} as 64512; ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
protocol bgp { local ${underlay[node].v6} as 64512; neighbor ${underlay[other].v6} as 64512; ipv6 { import all; export where source = RTS_STATIC; next hop self; }; }
`);
  lab.start(`bird-${node}`, node, "bird", ["-f", "-c", path, "-s", join(lab.folder, `bird-${node}.ctl`)], toolsEnv());
}
