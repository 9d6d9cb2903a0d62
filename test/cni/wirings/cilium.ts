import { PluginRunner } from "../cni-plugins.ts";
import type { Lab, NodeName } from "../lab.ts";
import { nodeNames, underlay } from "../lab.ts";
import type { Pod, PodNetwork, PodRules, PodWish, Wiring } from "../network.ts";
import type { MapChange } from "./cilium-maps.ts";
import { CiliumMaps, address16, address4, identity, numbers } from "./cilium-maps.ts";
import { otherNode, portmap, subnetNumber } from "./reference.ts";

const router = (node: NodeName): string => `10.65.${subnetNumber(node)}.1`;
const router6 = (node: NodeName): string => `fd65:0:0:${subnetNumber(node)}::1`;
const subnet = (node: NodeName): string => `10.65.${subnetNumber(node)}.0/24`;
const subnet6 = (node: NodeName): string => `fd65:0:0:${subnetNumber(node)}::/64`;
const reproduced = "wiring reproduced, with eBPF programs of this project (test/cni/wirings/cilium.bpf.c) in the kernel: a program at each pod's link, redirection to the other pod's, policies by identities, cluster IPs replaced at connect() without kube-proxy";

/** Cilium with native routing: the nodes' network knows the way to pods. */
export const cilium: Wiring = { name: "cilium", component: `${reproduced}; routes between nodes; real: portmap`, v6: true, mtu: 1500, hostPort: "kept", hostPolicies: "cilium.yaml", prepare: (lab) => prepare(lab, "routes") };

/** Cilium with its VXLAN tunnel: the tunnel's network number is the sender's identity. */
export const ciliumVxlan: Wiring = { name: "cilium-vxlan", component: `${reproduced}; the kernel's VXLAN between nodes; real: portmap`, v6: true, mtu: 1500, hostPort: "kept", hostPolicies: "cilium.yaml", prepare: (lab) => prepare(lab, "tunnel") };

type Way = "routes" | "tunnel";

async function prepare(lab: Lab, way: Way): Promise<PodNetwork> {
  const maps = new CiliumMaps(lab);
  await maps.load();
  for (const node of nodeNames) await prepareNode(lab, maps, node, way);
  const group = await maps.socketGroup("n1");
  const known = new Map<string, number>();
  let inForce: Entries = new Map();
  return {
    ...podNetwork(lab, maps, way, known),
    enforce: async (rules) => {
      const entries = policyEntries(rules, known);
      await changePolicies(maps, inForce, entries);
      inForce = entries;
    },
    // What pods see of a host-network process. Policies know it as an entity, by no address.
    nodeAddresses: (node) => [...(way === "routes" ? [underlay[node].v4, underlay[node].v6] : []), router(node), router6(node)],
    serveClusterIp: ({ ip, port, pods, targetPort }) => maps.change("n1", [{ map: "services", key: Buffer.concat([address4(ip), networkPort(port)]), value: backends(pods, targetPort) }]),
    wrap: ["sh", "-c", `echo $$ > ${group}/cgroup.procs; exec "$@"`, "sh"],
  };
}

function networkPort(port: number): Buffer {
  return Buffer.from([port >> 8, port & 0xff, 0, 0]);
}

function backends(pods: readonly Pod[], port: number): Buffer {
  return Buffer.concat([numbers(pods.length), ...pods.map(({ v4 }) => address4(v4)), Buffer.alloc(4 * (8 - pods.length)), networkPort(port)]);
}

const tc = (link: string, hook: "ingress" | "egress", program: string): string => `tc filter add dev ${link} ${hook} bpf direct-action object-pinned ${program}`;

async function prepareNode(lab: Lab, maps: CiliumMaps, node: NodeName, way: Way): Promise<void> {
  const other = otherNode(node);
  await lab.sh(node, `ip link add cilium_host type veth peer name cilium_net
ip link set cilium_host arp off up; ip link set cilium_net arp off up
ip addr add ${router(node)}/32 dev cilium_host; ip -6 addr add ${router6(node)}/128 dev cilium_host nodad
ip route add ${router(node)} dev cilium_host scope link; ip route add ${subnet(node)} via ${router(node)} dev cilium_host src ${router(node)}
ip -6 route add ${subnet6(node)} dev cilium_host src ${router6(node)}
tc qdisc add dev cilium_host clsact; ${tc("cilium_host", "egress", maps.program(node, "from_host"))}`);
  const identities: readonly (readonly [string, number])[] = [
    ...[underlay[node].v4, underlay[node].v6, router(node), router6(node)].map((address) => [address, identity.host] as const),
    ...[underlay[other].v4, underlay[other].v6, router(other), router6(other)].map((address) => [address, identity.remoteNode] as const),
  ];
  const behindTunnel = (address: string): number => (way === "tunnel" && [router(other), router6(other)].includes(address) ? address4(underlay[other].v4).readUInt32BE() : 0);
  await maps.change(node, identities.map(([address, number]) => ({ map: "identities", key: address16(address), value: numbers(number, behindTunnel(address)) })));
  if (way === "routes") await lab.sh(node, `ip route add ${subnet(other)} via ${underlay[other].v4}; ip -6 route add ${subnet6(other)} via ${underlay[other].v6}`);
  else await addTunnel(lab, maps, node);
}

async function addTunnel(lab: Lab, maps: CiliumMaps, node: NodeName): Promise<void> {
  const other = otherNode(node);
  await lab.sh(node, `ip link add cilium_vxlan mtu 1500 type vxlan external dstport 8472
ip link set cilium_vxlan up
ip route add ${subnet(other)} via ${router(node)} dev cilium_host src ${router(node)} mtu 1450; ip -6 route add ${subnet6(other)} dev cilium_host src ${router6(node)} mtu 1450
tc qdisc add dev cilium_vxlan clsact; ${tc("cilium_vxlan", "ingress", maps.program(node, "from_overlay"))}`);
  await maps.change(node, [{ map: "overlay", key: numbers(0), value: numbers((await linkOf(lab, node, "cilium_vxlan")).ifindex) }]);
}

async function linkOf(lab: Lab, place: string, link: string): Promise<{ readonly ifindex: number; readonly address: string }> {
  const [found] = JSON.parse(await lab.sh(place, `ip -j link show ${link}`)) as readonly { readonly ifindex: number; readonly address: string }[];
  if (found === undefined) throw new Error(`${place} has no link ${link}`);
  return found;
}

function podNetwork(lab: Lab, maps: CiliumMaps, way: Way, known: Map<string, number>): Pick<PodNetwork, "attach" | "detach"> {
  const runner = new PluginRunner(lab, () => ({ cniVersion: "1.0.0", name: "cilium", plugins: [portmap] }));
  const given = new Map<NodeName, number>();
  let lastIdentity = 1000;
  return {
    attach: async (wish) => {
      const number = (given.get(wish.node) ?? 9) + 1;
      given.set(wish.node, number);
      const own = ++lastIdentity;
      const { result, addresses, endpoint } = await connect(lab, maps, wish, { number, way });
      await maps.change(wish.node, addresses.map((address): MapChange => ({ map: "endpoints", key: address16(address), value: Buffer.concat([numbers(endpoint.link), endpoint.macs]) })));
      for (const node of nodeNames) {
        const tunnel = way === "tunnel" && node !== wish.node ? address4(underlay[wish.node].v4).readUInt32BE() : 0;
        await maps.change(node, addresses.map((address): MapChange => ({ map: "identities", key: address16(address), value: numbers(own, tunnel) })));
      }
      for (const address of addresses) known.set(address, own);
      return runner.add(wish, result);
    },
    detach: async (pod) => {
      const addresses = [pod.v4, ...(pod.v6 === undefined ? [] : [pod.v6])];
      await maps.change(pod.node, addresses.map((address): MapChange => ({ map: "endpoints", key: address16(address) })));
      for (const node of nodeNames) await maps.change(node, addresses.map((address): MapChange => ({ map: "identities", key: address16(address) })));
      for (const address of addresses) known.delete(address);
      await lab.sh(pod.node, `ip link del ${pod.hostInterface}`);
      await runner.remove(pod);
    },
  };
}

interface Connected {
  readonly result: object;
  readonly addresses: readonly string[];
  readonly endpoint: { readonly link: number; readonly macs: Buffer };
}

/** What the cilium plugin and the agent do for a pod, but for the maps. */
async function connect(lab: Lab, maps: CiliumMaps, pod: PodWish, { number, way }: { readonly number: number; readonly way: Way }): Promise<Connected> {
  await lab.addSpace(pod.name);
  const hostInterface = `lxc${pod.name.slice(0, 12)}`;
  const addresses = [`10.65.${subnetNumber(pod.node)}.${number}`, `fd65:0:0:${subnetNumber(pod.node)}::${number.toString(16)}`];
  await lab.sh(pod.node, `ip link add ${hostInterface} type veth peer name eth0 netns ${lab.space(pod.name)} && ip link set ${hostInterface} up
sysctl -qw net.ipv4.conf.${hostInterface}.rp_filter=0
tc qdisc add dev ${hostInterface} clsact
${tc(hostInterface, "ingress", maps.program(pod.node, "from_container"))}
${tc(hostInterface, "egress", maps.program(pod.node, "to_container"))}`);
  const [host, own] = [await linkOf(lab, pod.node, hostInterface), await linkOf(lab, pod.name, "eth0")];
  const mtu = way === "tunnel" ? "mtu 1450" : "";
  await lab.sh(pod.name, `ip link set eth0 up && ip addr add ${addresses[0]}/32 dev eth0 && ip -6 addr add ${addresses[1]}/128 dev eth0 nodad
ip neigh add ${router(pod.node)} lladdr ${host.address} dev eth0 nud permanent; ip -6 neigh add ${router6(pod.node)} lladdr ${host.address} dev eth0 nud permanent
ip route add ${router(pod.node)} dev eth0 scope link && ip route add default via ${router(pod.node)} dev eth0 ${mtu}
ip -6 route add ${router6(pod.node)} dev eth0 && ip -6 route add default via ${router6(pod.node)} dev eth0 ${mtu}`);
  const macs = Buffer.from(`${own.address}${host.address}`.replaceAll(":", ""), "hex");
  const result = { cniVersion: "1.0.0", interfaces: [{ name: hostInterface }, { name: "eth0", sandbox: lab.spacePath(pod.name) }], ips: [{ address: `${addresses[0]}/32`, interface: 1 }, { address: `${addresses[1]}/128`, interface: 1 }], routes: [] };
  return { result, addresses, endpoint: { link: host.ifindex, macs } };
}

/** Writes policies as identities. Addresses of nodes are none that a policy could name: those have identities of their own, and a node always reaches its own pods. */
function policyEntries(rules: readonly PodRules[], known: ReadonlyMap<string, number>): Entries {
  const entries = rules.flatMap(({ pod, allowed }) => [pod.v4, ...(pod.v6 === undefined ? [] : [pod.v6])].flatMap((address) => {
    const key = (from: number, port = 0): readonly [NodeName, Buffer] => [pod.node, Buffer.concat([address16(address), numbers(from, port)])];
    const allowances = allowed.flatMap(({ from, ports, entities = [] }) => {
      const senders = from === "anyone" ? [identity.any] : from.flatMap((peer) => known.get(peer) ?? []);
      const all = [...senders, ...entities.map((entity) => (entity === "host" ? identity.host : identity.remoteNode))];
      return all.flatMap((sender) => (ports.length === 0 ? [key(sender)] : ports.map((port) => key(sender, port))));
    });
    return [key(identity.enforced), key(identity.host), ...allowances];
  }));
  return new Map(entries.map((entry) => [`${entry[0]} ${entry[1].toString("hex")}`, entry]));
}

/** Keys of the policy map, each on its node. */
type Entries = ReadonlyMap<string, readonly [NodeName, Buffer]>;

/** First what is new, then what is no more: a pod that is closed before and after is so in between. */
async function changePolicies(maps: CiliumMaps, before: Entries, after: Entries): Promise<void> {
  const only = (these: Entries, those: Entries, node: NodeName): readonly Buffer[] => [...these].flatMap(([id, [on, key]]) => (on === node && !those.has(id) ? [key] : []));
  for (const node of nodeNames) {
    await maps.change(node, only(after, before, node).map((key): MapChange => ({ map: "policy", key, value: numbers(1) })));
    await maps.change(node, only(before, after, node).map((key): MapChange => ({ map: "policy", key })));
  }
}
