import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../bed/cache.ts";
import { waitFor } from "../../bed/wait.ts";
import { PluginRunner } from "../cni-plugins.ts";
import type { PluginList } from "../cni-plugins.ts";
import { enforceWithNftables } from "../enforce.ts";
import type { Lab, NodeName } from "../lab.ts";
import { nodeNames, underlay } from "../lab.ts";
import type { PodWish, Wiring } from "../network.ts";
import { otherNode, portmap, subnetNumber } from "./reference.ts";

const tools = join(cacheFolder(), "cni-tools");
const block = (node: NodeName): string => `10.63.${subnetNumber(node)}.0/26`;

/** Calico without encapsulation: each pod a /32 behind a link to 169.254.1.1, the nodes' blocks exchanged by BGP. */
export const calico: Wiring = {
  name: "calico-bgp",
  component: "wiring reproduced: a /32 for each pod behind 169.254.1.1 with proxy ARP; real: BGP by Debian's bird, portmap; no Felix",
  v6: false, mtu: 1500, hostPort: "kept",
  async prepare(lab) {
    for (const node of nodeNames) await startBird(lab, node);
    for (const node of nodeNames) await waitFor(async () => (await lab.sh(node, "ip route")).includes(block(otherNode(node))), { what: `${node} learns the other node's block by BGP`, timeoutMs: 30_000 });
    const list = (): PluginList => ({ cniVersion: "1.0.0", name: "k8s-pod-network", plugins: [portmap] });
    const runner = new PluginRunner(lab, list);
    const given = new Map<NodeName, number>();
    return {
      attach: async (pod) => {
        const number = (given.get(pod.node) ?? 1) + 1;
        given.set(pod.node, number);
        return runner.add(pod, await connect(lab, pod, `10.63.${subnetNumber(pod.node)}.${number}`));
      },
      detach: (pod) => runner.remove(pod),
      enforce: (rules) => enforceWithNftables(lab, rules),
      nodeAddresses: (node) => [underlay[node].v4],
    };
  },
};

/** What the calico plugin does for a pod. Gives its result as the plugin would. */
async function connect(lab: Lab, pod: PodWish, address: string): Promise<object> {
  await lab.addSpace(pod.name);
  const hostInterface = `cali${pod.name.slice(0, 11)}`;
  await lab.sh(pod.node, `ip link add ${hostInterface} mtu 1500 type veth peer name eth0 mtu 1500 netns ${lab.space(pod.name)}
sysctl -qw net.ipv4.conf.${hostInterface}.proxy_arp=1 net.ipv4.conf.${hostInterface}.forwarding=1 net.ipv4.neigh.${hostInterface}.proxy_delay=0
ip link set ${hostInterface} up
ip route add ${address}/32 dev ${hostInterface} scope link`);
  await lab.sh(pod.name, `ip link set eth0 up && ip addr add ${address}/32 dev eth0 && ip route add 169.254.1.1 dev eth0 scope link && ip route add default via 169.254.1.1 dev eth0`);
  return { cniVersion: "1.0.0", interfaces: [{ name: hostInterface }, { name: "eth0", sandbox: lab.spacePath(pod.name) }], ips: [{ address: `${address}/32`, interface: 1 }], routes: [] };
}

async function startBird(lab: Lab, node: NodeName): Promise<void> {
  const other = otherNode(node);
  const path = join(lab.folder, `bird-${node}.conf`);
  writeFileSync(path, `router id ${underlay[node].v4};
protocol device { }
protocol direct { ipv4; interface "eth0"; }
protocol static { ipv4; route ${block(node)} blackhole; }
protocol kernel { ipv4 { export filter { if source = RTS_BGP then accept; reject; }; }; }
protocol bgp { local ${underlay[node].v4} as 64512; neighbor ${underlay[other].v4} as 64512; ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
`);
  lab.start(`bird-${node}`, node, join(tools, "usr/sbin/bird"), ["-f", "-c", path, "-s", join(lab.folder, `bird-${node}.ctl`)], { LD_LIBRARY_PATH: join(tools, "usr/lib/x86_64-linux-gnu") });
}
