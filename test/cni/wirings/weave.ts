import { pluginNetwork } from "../cni-plugins.ts";
import type { PluginList } from "../cni-plugins.ts";
import { nodeNames, underlay } from "../lab.ts";
import type { NodeName } from "../lab.ts";
import type { Wiring } from "../network.ts";
import { hostLocal, otherNode, portmap, subnetNumber } from "./reference.ts";

/** All pods are in one network, of which each node's allocator has a part. */
const network = "10.32.0.0/12";
const bridgeAddress = (node: NodeName): string => `10.${31 + subnetNumber(node)}.0.1`;

/** Weave Net: one bridge over both nodes, joined by an overlay; what comes from outside is hidden behind the bridge's address. */
export const weave: Wiring = {
  name: "weave",
  component: "wiring reproduced: bridge, host-local and portmap of Debian's containernetworking-plugins, one bridge over both nodes by the kernel's VXLAN in place of weaver, and its masquerade",
  v6: false, mtu: 1376, hostPort: "replaced",
  async prepare(lab) {
    for (const node of nodeNames) {
      await lab.sh(node, [
        "ip link add weave mtu 1376 type bridge",
        `ip addr add ${bridgeAddress(node)}/12 dev weave && ip link set weave up`,
        `ip link add vxlan-6784 mtu 1376 type vxlan id 6784 dev eth0 local ${underlay[node].v4} remote ${underlay[otherNode(node)].v4} dstport 6784`,
        "ip link set vxlan-6784 master weave up",
      ].join("\n"));
      await lab.sh(node, "nft -f -", { input: `table ip weave { chain out { type nat hook postrouting priority 100; ip saddr != ${network} ip daddr ${network} masquerade\n ip saddr ${network} ip daddr != ${network} masquerade\n }\n}\n` });
    }
    const list = (node: NodeName): PluginList => {
      const part = `10.${31 + subnetNumber(node)}.0.0/16`;
      const { ranges: _, ...ipam } = hostLocal(lab, node, [part]) as { readonly ranges: unknown };
      return {
        cniVersion: "1.0.0", name: "weave",
        plugins: [{ type: "bridge", bridge: "weave", isGateway: false, hairpinMode: true, mtu: 1376, ipam: { ...ipam, ranges: [[{ subnet: network, rangeStart: `10.${31 + subnetNumber(node)}.0.10`, rangeEnd: `10.${31 + subnetNumber(node)}.0.200`, gateway: bridgeAddress(node) }]] } }, portmap],
      };
    };
    return pluginNetwork(lab, list, (node) => [bridgeAddress(node)]);
  },
};
