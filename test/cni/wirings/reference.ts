import type { PluginList } from "../cni-plugins.ts";
import { pluginNetwork } from "../cni-plugins.ts";
import type { Lab, NodeName } from "../lab.ts";
import { nodeNames, underlay } from "../lab.ts";
import type { Wiring } from "../network.ts";

/** The number that a node's pod subnets have. */
export function subnetNumber(node: NodeName): number {
  return node === "n1" ? 1 : 2;
}

/** The other node. */
export function otherNode(node: NodeName): NodeName {
  return node === "n1" ? "n2" : "n1";
}

const subnet = (node: NodeName): string => `10.61.${subnetNumber(node)}.0/24`;
const subnet6 = (node: NodeName): string => `fd61:0:0:${subnetNumber(node)}::/64`;

/** host-local, with its state in the lab. */
export function hostLocal(lab: Lab, node: NodeName, subnets: readonly string[]): object {
  return { type: "host-local", dataDir: `${lab.folder}/cni/${node}`, ranges: subnets.map((range) => [{ subnet: range }]), routes: [{ dst: "0.0.0.0/0" }, ...(subnets.length > 1 ? [{ dst: "::/0" }] : [])] };
}

/** The plugin that opens ports of the node, as nearly every CNI chains it. */
export const portmap = { type: "portmap", capabilities: { portMappings: true }, snat: true };

/** Debian's reference plugins, unchanged, with static routes between the nodes as a cloud makes them. */
function reference(kind: "bridge" | "ptp"): Wiring {
  return {
    name: kind,
    component: `real: ${kind}, host-local and portmap of Debian's containernetworking-plugins; static routes between nodes`,
    v6: true, mtu: 1500, hostPort: "kept",
    async prepare(lab) {
      for (const node of nodeNames) {
        const other = otherNode(node);
        await lab.sh(node, `ip route add ${subnet(other)} via ${underlay[other].v4}; ip -6 route add ${subnet6(other)} via ${underlay[other].v6}`);
      }
      const listOf = (node: NodeName): PluginList => ({
        cniVersion: "0.4.0", name: "lab",
        plugins: [{ type: kind, ipMasq: false, ...(kind === "bridge" ? { bridge: "cni0", isGateway: true, hairpinMode: true } : {}), ipam: hostLocal(lab, node, [subnet(node), subnet6(node)]) }, portmap],
      });
      const n = (node: NodeName): number => subnetNumber(node);
      return pluginNetwork(lab, listOf, (node) => [underlay[node].v4, underlay[node].v6, `10.61.${n(node)}.1`, `fd61:0:0:${n(node)}::1`]);
    },
  };
}

/** The reference plugins that need nothing but the kernel. */
export const referenceWirings: readonly Wiring[] = [reference("bridge"), reference("ptp")];
