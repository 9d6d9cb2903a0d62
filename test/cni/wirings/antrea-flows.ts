import type { Allowance, PodRules } from "../network.ts";

/** The tables of br-int, in the order in which packets go through them; named as Antrea's documentation of its pipeline names them. */
export const table = { classifier: 0, spoofGuard: 10, arpResponder: 20, conntrackZone: 30, conntrackState: 31, serviceLb: 40, endpointDnat: 50, l3Forwarding: 70, l2Forwarding: 80, ingressRule: 90, conntrackCommit: 100, output: 110 } as const;

/** What flows have to know of a node. */
export interface NodePorts {
  readonly tunnel: number;
  readonly gateway: number;
  readonly gatewayMac: string;
  readonly gatewayAddresses: readonly string[];
}

/** What they have to know of the other one. */
export interface OtherNode {
  readonly subnets: readonly string[];
  readonly gateway: string;
  readonly node: string;
  readonly virtualMac: string;
}

const to = (next: keyof typeof table): string => `resubmit(,${table[next]})`;
const isV6 = (address: string): boolean => address.includes(":");
const destination = (address: string): string => (isV6(address) ? `ipv6,ipv6_dst=${address}` : `ip,nw_dst=${address}`);
const source = (address: string): string => (isV6(address) ? `ipv6,ipv6_src=${address}` : `ip,nw_src=${address}`);
const hex = (address: string): string => `0x${address.split(".").map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;

/** The conntrack zones of the two families. */
const zone = { ip: 65520, ipv6: 65510 } as const;
const families = ["ip", "ipv6"] as const;

/** The flows of a node without pods. */
export function baseFlows({ tunnel, gateway, gatewayMac, gatewayAddresses }: NodePorts, other: OtherNode): readonly string[] {
  return [
    `table=${table.classifier},priority=200,in_port=${tunnel} actions=${to("conntrackZone")}`,
    `table=${table.classifier},priority=200,in_port=${gateway} actions=${to("spoofGuard")}`,
    `table=${table.classifier},priority=0 actions=drop`,
    // Pods, and who they claim to be, come with `podFlows`; the gateway may have any address: it brings what clients outside send.
    ...families.map((family) => `table=${table.spoofGuard},priority=200,${family},in_port=${gateway} actions=${to("conntrackZone")}`),
    `table=${table.spoofGuard},priority=200,arp,in_port=${gateway} actions=${to("arpResponder")}`,
    `table=${table.spoofGuard},priority=210,icmp6,icmp_type=135 actions=NORMAL`,
    `table=${table.spoofGuard},priority=210,icmp6,icmp_type=136 actions=NORMAL`,
    `table=${table.spoofGuard},priority=0 actions=drop`,
    `table=${table.arpResponder},priority=200,arp,arp_op=1,arp_tpa=${other.gateway} actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:${other.virtualMac},load:2->NXM_OF_ARP_OP[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],load:0x${other.virtualMac.replaceAll(":", "")}->NXM_NX_ARP_SHA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],load:${hex(other.gateway)}->NXM_OF_ARP_SPA[],IN_PORT`,
    `table=${table.arpResponder},priority=190,arp actions=NORMAL`,
    ...families.flatMap((family) => [
      `table=${table.conntrackZone},priority=200,${family} actions=ct(table=${table.conntrackState},zone=${zone[family]},nat)`,
      `table=${table.conntrackState},priority=200,ct_state=+inv+trk,${family} actions=drop`,
      `table=${table.conntrackState},priority=190,ct_state=-new+trk,${family} actions=${to("l3Forwarding")}`,
      `table=${table.conntrackCommit},priority=200,ct_state=+new+trk,ct_mark=0/0x10,${family} actions=ct(commit,table=${table.output},zone=${zone[family]})`,
    ]),
    `table=${table.conntrackState},priority=0 actions=${to("serviceLb")}`,
    `table=${table.serviceLb},priority=0 actions=${to("l3Forwarding")}`,
    ...gatewayAddresses.map((address) => `table=${table.l3Forwarding},priority=200,${destination(address)} actions=mod_dl_dst:${gatewayMac},${to("l2Forwarding")}`),
    ...other.subnets.map((subnet) => `table=${table.l3Forwarding},priority=190,${destination(subnet)} actions=dec_ttl,mod_dl_src:${gatewayMac},mod_dl_dst:${other.virtualMac},set_field:${other.node}->tun_dst,load:${tunnel}->NXM_NX_REG1[],${to("conntrackCommit")}`),
    `table=${table.l3Forwarding},priority=0 actions=${to("l2Forwarding")}`,
    `table=${table.l2Forwarding},priority=200,dl_dst=${gatewayMac} actions=load:${gateway}->NXM_NX_REG1[],${to("conntrackCommit")}`,
    `table=${table.l2Forwarding},priority=0 actions=drop`,
    `table=${table.ingressRule},priority=0 actions=${to("conntrackCommit")}`,
    `table=${table.conntrackCommit},priority=0 actions=${to("output")}`,
    `table=${table.output},priority=0 actions=output:NXM_NX_REG1[]`,
  ];
}

/** The flows that a pod adds on its node. */
export function podFlows({ port, mac, addresses }: { readonly port: number; readonly mac: string; readonly addresses: readonly string[] }, { gatewayMac }: NodePorts, virtualMac: string): readonly string[] {
  const routed = (address: string, mine: string): string => `table=${table.l3Forwarding},priority=200,dl_dst=${mine},${destination(address)} actions=dec_ttl,mod_dl_src:${gatewayMac},mod_dl_dst:${mac},${to("l2Forwarding")}`;
  return [
    `table=${table.classifier},priority=190,in_port=${port} actions=${to("spoofGuard")}`,
    ...addresses.flatMap((address) => [
      `table=${table.spoofGuard},priority=200,in_port=${port},dl_src=${mac},${source(address)} actions=${to("conntrackZone")}`,
      ...(isV6(address) ? [] : [`table=${table.spoofGuard},priority=200,arp,in_port=${port},arp_spa=${address},arp_sha=${mac} actions=${to("arpResponder")}`]),
      routed(address, gatewayMac),
      routed(address, virtualMac),
      `table=${table.l2Forwarding},priority=200,dl_dst=${mac},${destination(address)} actions=load:${port}->NXM_NX_REG1[],${to("ingressRule")}`,
    ]),
  ];
}

/** A group that gives each new connection one of the endpoints. */
export function serviceGroup(endpoints: readonly string[], port: number): string {
  return `group_id=1,type=select,${endpoints.map((address) => `bucket=weight:100,actions=load:${hex(address)}->NXM_NX_REG3[],load:${port}->NXM_NX_REG4[0..15],${to("endpointDnat")}`).join(",")}`;
}

/** The flows that lead a cluster IP to its group, and from there to the endpoints. */
export function serviceFlows(ip: string, port: number, endpoints: readonly string[], targetPort: number): readonly string[] {
  return [
    `table=${table.serviceLb},priority=200,tcp,nw_dst=${ip},tp_dst=${port} actions=group:1`,
    ...endpoints.map((address) => `table=${table.endpointDnat},priority=200,tcp,reg3=${hex(address)},reg4=${targetPort}/0xffff actions=ct(commit,table=${table.l3Forwarding},zone=${zone.ip},nat(dst=${address}:${targetPort}),exec(load:0x1->NXM_NX_CT_MARK[4]))`),
  ];
}

/** The flows of a pod that policies select: what they allow goes on, other new connections end here. */
export function policyFlows({ pod, allowed }: PodRules, port: number): readonly string[] {
  const flow = (priority: number, match: string, action: string): string => `cookie=0x2,table=${table.ingressRule},priority=${priority},reg1=${port},ct_state=+new+trk${match} actions=${action}`;
  const allow = allowed.flatMap((allowance) => matches(allowance)).map((match) => flow(200, match, to("conntrackCommit")));
  return [...allow, ...(pod.v6 === undefined ? ["ip"] : families).map((family) => flow(100, `,${family}`, "drop"))];
}

function matches({ from, ports }: Allowance): readonly string[] {
  const peers = from === "anyone" ? families.map((family) => `,${family}`) : from.map((address) => `,${source(address)}`);
  if (ports.length === 0) return peers;
  return peers.flatMap((peer) => ports.map((port) => `${peer},nw_proto=6,tp_dst=${port}`));
}
