import { PluginRunner } from "../cni-plugins.ts";
import type { Lab, NodeName } from "../lab.ts";
import { nodeNames, underlay } from "../lab.ts";
import type { PodNetwork, PodRules, PodWish, Wiring } from "../network.ts";
import { toolsEnv } from "../tools.ts";
import type { NodePorts } from "./antrea-flows.ts";
import { baseFlows, podFlows, policyFlows, serviceFlows, serviceGroup, table } from "./antrea-flows.ts";
import { OpenVSwitch } from "./open-vswitch.ts";
import { otherNode, portmap, subnetNumber } from "./reference.ts";

const bridge = "br-int";
const gateway = (node: NodeName): string => `10.64.${subnetNumber(node)}.1`;
const gateway6 = (node: NodeName): string => `fd64:0:0:${subnetNumber(node)}::1`;
const subnet = (node: NodeName): string => `10.64.${subnetNumber(node)}.0/24`;
const subnet6 = (node: NodeName): string => `fd64:0:0:${subnetNumber(node)}::/64`;
/** The hardware address that stands for all gateways of other nodes. */
const virtualMac = "aa:bb:cc:dd:ee:ff";

/** Antrea: pods are ports of an Open vSwitch, which routes, tunnels, balances cluster IPs of pods and enforces policies by flows. */
export const antrea: Wiring = {
  name: "antrea",
  component: "real: Debian's Open vSwitch with its userspace datapath, tunnels and conntrack, portmap; reproduced: the flows and groups of antrea-agent, as far as pods, services and ingress policies need them",
  v6: true, mtu: 1450, hostPort: "kept", hostPolicies: "antrea.yaml",
  async prepare(lab) {
    // The kernel leaves checksums to hardware that a userspace switch does not have.
    for (const place of ["client", "control"]) await checksumInSoftware(lab, place);
    const switches = { n1: new OpenVSwitch(lab, "n1"), n2: new OpenVSwitch(lab, "n2") };
    const nodes = { n1: await prepareNode(lab, "n1", switches.n1), n2: await prepareNode(lab, "n2", switches.n2) };
    for (const node of nodeNames) await routeToOther(lab, node);
    return podNetwork(lab, switches, nodes);
  },
};

async function checksumInSoftware(lab: Lab, place: string): Promise<void> {
  await lab.sh(place, "ethtool -K eth0 tx off >/dev/null", { env: toolsEnv() });
}

/** br-phy has the node's link and addresses, as userspace tunnels need it; br-int has the tunnel, the gateway and the pods. */
async function prepareNode(lab: Lab, node: NodeName, ovs: OpenVSwitch): Promise<NodePorts> {
  await ovs.start();
  await ovs.vsctl("add-br br-phy -- set bridge br-phy datapath_type=netdev -- add-port br-phy eth0");
  // What the switch reads from the link is not for the kernel as well.
  await lab.sh(node, "nft -f -", { input: "table netdev link { chain in { type filter hook ingress device \"eth0\" priority 0; policy drop; }\n}\n" });
  await lab.sh(node, `ip addr flush dev eth0; ip addr add ${underlay[node].v4}/24 dev br-phy; ip -6 addr add ${underlay[node].v6}/64 dev br-phy nodad; ip link set br-phy up; ip route add default via 172.31.0.1`);
  await ovs.vsctl([
    `add-br ${bridge} -- set bridge ${bridge} datapath_type=netdev fail_mode=secure protocols=OpenFlow10,OpenFlow15`,
    `add-port ${bridge} antrea-tun0 -- set interface antrea-tun0 type=vxlan options:remote_ip=flow options:key=flow`,
    `add-port ${bridge} antrea-gw0 -- set interface antrea-gw0 type=internal mtu_request=1450`,
  ].join(" -- "));
  await lab.sh(node, `ip addr add ${gateway(node)}/24 dev antrea-gw0; ip -6 addr add ${gateway6(node)}/64 dev antrea-gw0 nodad; ip link set antrea-gw0 up`);
  const [link] = JSON.parse(await lab.sh(node, "ip -j link show antrea-gw0")) as readonly { readonly address: string }[];
  const ports: NodePorts = { tunnel: await ovs.portNumber("antrea-tun0"), gateway: await ovs.portNumber("antrea-gw0"), gatewayMac: link?.address ?? "", gatewayAddresses: [gateway(node), gateway6(node)] };
  const other = otherNode(node);
  await ovs.addFlows(bridge, baseFlows(ports, { subnets: [subnet(other), subnet6(other)], gateway: gateway(other), node: underlay[other].v4, virtualMac }));
  return ports;
}

async function routeToOther(lab: Lab, node: NodeName): Promise<void> {
  const other = otherNode(node);
  await lab.sh(node, `ip route add ${subnet(other)} via ${gateway(other)} dev antrea-gw0 onlink
ip -6 neigh add ${gateway6(other)} lladdr ${virtualMac} dev antrea-gw0 nud permanent
ip -6 route add ${subnet6(other)} via ${gateway6(other)} dev antrea-gw0 onlink`);
}

function podNetwork(lab: Lab, switches: Readonly<Record<NodeName, OpenVSwitch>>, nodes: Readonly<Record<NodeName, NodePorts>>): PodNetwork {
  const runner = new PluginRunner(lab, () => ({ cniVersion: "1.0.0", name: "antrea", plugins: [portmap] }));
  const given = new Map<NodeName, number>();
  const numbers = new Map<string, number>();
  return {
    attach: async (wish) => {
      const number = (given.get(wish.node) ?? 1) + 1;
      given.set(wish.node, number);
      const ovs = switches[wish.node];
      const { result, port, mac, addresses } = await connect(lab, ovs, wish, number);
      numbers.set(wish.name, port);
      await ovs.addFlows(bridge, podFlows({ port, mac, addresses }, nodes[wish.node], virtualMac));
      return runner.add(wish, result);
    },
    detach: async (pod) => {
      const ovs = switches[pod.node];
      for (const match of [`in_port=${numbers.get(pod.name)}`, `ip,nw_dst=${pod.v4}`, `ipv6,ipv6_dst=${pod.v6}`]) await ovs.openFlow("del-flows", bridge, match);
      await ovs.vsctl(`del-port ${bridge} ${pod.hostInterface}`);
      await lab.sh(pod.node, `ip link del ${pod.hostInterface}`);
      await runner.remove(pod);
    },
    enforce: async (rules) => {
      for (const node of nodeNames) await enforce(switches[node], rules.filter(({ pod }) => pod.node === node), numbers);
    },
    nodeAddresses: (node) => [gateway(node), gateway6(node)],
    serveClusterIp: async ({ ip, port, pods, targetPort }) => {
      for (const node of nodeNames) {
        await switches[node].openFlow("add-group", bridge, `'${serviceGroup(pods.map(({ v4 }) => v4), targetPort)}'`);
        await switches[node].addFlows(bridge, serviceFlows(ip, port, pods.map(({ v4 }) => v4), targetPort));
      }
    },
    clusterIpsOfPodsOnly: true,
  };
}

async function enforce(ovs: OpenVSwitch, rules: readonly PodRules[], numbers: ReadonlyMap<string, number>): Promise<void> {
  await ovs.changeFlows(bridge, [`delete cookie=0x2/-1,table=${table.ingressRule}`, ...rules.flatMap((rule) => policyFlows(rule, numbers.get(rule.pod.name) ?? 0)).map((flow) => `add ${flow}`)]);
}

/** What antrea-cni and the agent do for a pod. Gives the plugin's result, and the pod's port. */
async function connect(lab: Lab, ovs: OpenVSwitch, pod: PodWish, number: number): Promise<{ readonly result: object; readonly port: number; readonly mac: string; readonly addresses: readonly string[] }> {
  await lab.addSpace(pod.name);
  const hostInterface = `${pod.name.slice(0, 6)}-${number.toString(16).padStart(6, "0")}`;
  const addresses = [`10.64.${subnetNumber(pod.node)}.${number}`, `fd64:0:0:${subnetNumber(pod.node)}::${number.toString(16)}`];
  await lab.sh(pod.node, `ip link add ${hostInterface} mtu 1450 type veth peer name eth0 mtu 1450 netns ${lab.space(pod.name)} && ip link set ${hostInterface} up`);
  await lab.sh(pod.name, `ip link set eth0 up && ip addr add ${addresses[0]}/24 dev eth0 && ip -6 addr add ${addresses[1]}/64 dev eth0 nodad
ip route add default via ${gateway(pod.node)} && ip -6 route add default via ${gateway6(pod.node)}`);
  await checksumInSoftware(lab, pod.name);
  const [link] = JSON.parse(await lab.sh(pod.name, "ip -j link show eth0")) as readonly { readonly address: string }[];
  await ovs.vsctl(`add-port ${bridge} ${hostInterface}`);
  const result = { cniVersion: "1.0.0", interfaces: [{ name: hostInterface }, { name: "eth0", sandbox: lab.spacePath(pod.name) }], ips: [{ address: `${addresses[0]}/24`, interface: 1 }, { address: `${addresses[1]}/64`, interface: 1 }], routes: [] };
  return { result, port: await ovs.portNumber(hostInterface), mac: link?.address ?? "", addresses };
}
