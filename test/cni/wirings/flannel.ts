import { pluginNetwork } from "../cni-plugins.ts";
import type { PluginList } from "../cni-plugins.ts";
import type { Lab, NodeName } from "../lab.ts";
import { nodeNames, underlay } from "../lab.ts";
import type { PodNetwork, Wiring } from "../network.ts";
import { hostLocal, otherNode, portmap, subnetNumber } from "./reference.ts";

const subnet = (node: NodeName): string => `10.62.${subnetNumber(node)}.0/24`;
const subnet6 = (node: NodeName): string => `fd62:0:0:${subnetNumber(node)}::/64`;
const tunnel = (node: NodeName): string => `10.62.${subnetNumber(node)}.0`;
const tunnel6 = (node: NodeName): string => `fd62:0:0:${subnetNumber(node)}::`;
const hardware = (node: NodeName): string => `02:62:00:00:00:0${subnetNumber(node)}`;

/** What Flannel's own plugin delegates to: a bridge with hairpins, without masquerade, of the backend's MTU. */
function pods(lab: Lab, mtu: number, nodeAddresses: PodNetwork["nodeAddresses"]): PodNetwork {
  const list = (node: NodeName): PluginList => ({
    cniVersion: "1.0.0", name: "cbr0",
    plugins: [{ type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true, mtu, ipam: hostLocal(lab, node, [subnet(node), subnet6(node)]) }, portmap],
  });
  return pluginNetwork(lab, list, nodeAddresses);
}

/** Flannel with its VXLAN backend: a learning-free VXLAN device whose neighbours and forwarding entries flanneld writes. */
export const flannelVxlan: Wiring = {
  name: "flannel-vxlan",
  component: "real: bridge, host-local and portmap of Debian's containernetworking-plugins and the kernel's VXLAN; flanneld's routes, neighbours and forwarding entries reproduced",
  v6: true, mtu: 1450, hostPort: "kept",
  async prepare(lab) {
    for (const node of nodeNames) {
      const other = otherNode(node);
      await lab.sh(node, [
        `ip link add flannel.1 address ${hardware(node)} mtu 1450 type vxlan id 1 dev eth0 local ${underlay[node].v4} dstport 8472 nolearning`,
        `ip addr add ${tunnel(node)}/32 dev flannel.1 && ip -6 addr add ${tunnel6(node)}/128 dev flannel.1 nodad && ip link set flannel.1 up`,
        `bridge fdb append ${hardware(other)} dev flannel.1 dst ${underlay[other].v4}`,
        `ip neigh add ${tunnel(other)} lladdr ${hardware(other)} dev flannel.1 nud permanent && ip neigh add ${tunnel6(other)} lladdr ${hardware(other)} dev flannel.1 nud permanent`,
        `ip route add ${subnet(other)} via ${tunnel(other)} dev flannel.1 onlink`,
        `ip -6 route add ${subnet6(other)} via ${tunnel6(other)} dev flannel.1 onlink`,
      ].join("\n"));
    }
    return pods(lab, 1450, (node) => [tunnel(node), `10.62.${subnetNumber(node)}.1`, tunnel6(node)]);
  },
};

/** Flannel with its host-gw backend: routes between nodes on one segment. */
export const flannelHostGateway: Wiring = {
  name: "flannel-host-gw",
  component: "real: bridge, host-local and portmap of Debian's containernetworking-plugins; flanneld's routes reproduced",
  v6: true, mtu: 1500, hostPort: "kept",
  async prepare(lab) {
    for (const node of nodeNames) {
      const other = otherNode(node);
      await lab.sh(node, `ip route add ${subnet(other)} via ${underlay[other].v4} dev eth0 && ip -6 route add ${subnet6(other)} via ${underlay[other].v6} dev eth0`);
    }
    return pods(lab, 1500, (node) => [underlay[node].v4, `10.62.${subnetNumber(node)}.1`]);
  },
};
