import ipaddr from "ipaddr.js";
import type { EnvoyView, LabelSelector, NetworkPolicyView, NetworkWorld, PodView, PolicyPeer, PolicyRule } from "#doctor/world";

/** Where a connection of Envoy goes. */
export interface PolicyDestination {
  readonly address: string;
  readonly port: number;
  /** Absent where it is no pod of this cluster. */
  readonly pod?: PodView;
}

/** Policies that together keep Envoy out: none of them allows the connection. */
export interface PolicyBlock {
  readonly direction: "ingress" | "egress";
  readonly policies: readonly NetworkPolicyView[];
  /** Whether it hangs on the address that the network gives a host-network Envoy. */
  readonly dependsOnAddress: boolean;
}

/** What policies say about a connection from Envoy (networking.k8s.io/v1, NetworkPolicySpec): a pod that one selects is open to what one allows, and to nothing else. */
export function blockingPolicies({ policies, namespaces }: Pick<NetworkWorld, "policies" | "namespaces">, envoy: EnvoyView, to: PolicyDestination): readonly PolicyBlock[] {
  const labelsOf = (namespace: string): Readonly<Record<string, string>> => ({ "kubernetes.io/metadata.name": namespace, ...namespaces.get(namespace) });
  const selecting = (pod: PodView | undefined, direction: "ingress" | "egress"): readonly NetworkPolicyView[] =>
    pod === undefined || pod.hostNetwork ? [] : policies.filter((policy) => policy[direction] !== undefined && policy.namespace === pod.namespace && fits(policy.podSelector, pod.labels));
  const blocks: PolicyBlock[] = [];
  const incoming = selecting(to.pod, "ingress");
  const source: Peer = { addresses: envoy.hostNetwork ? envoy.nodeAddresses : envoy.addresses, ...(envoy.hostNetwork ? {} : { pod: envoy }) };
  if (incoming.length > 0 && !incoming.some((policy) => (policy.ingress ?? []).some((rule) => allows(rule, policy.namespace, source, to, labelsOf)))) blocks.push({ direction: "ingress", policies: incoming, dependsOnAddress: envoy.hostNetwork });
  const outgoing = selecting(envoy, "egress");
  const destination: Peer = { addresses: [to.address], ...(to.pod === undefined || to.pod.hostNetwork ? {} : { pod: to.pod }) };
  if (outgoing.length > 0 && !outgoing.some((policy) => (policy.egress ?? []).some((rule) => allows(rule, policy.namespace, destination, to, labelsOf)))) blocks.push({ direction: "egress", policies: outgoing, dependsOnAddress: false });
  return blocks;
}

interface Peer {
  readonly addresses: readonly string[];
  readonly pod?: PodView;
}

function allows({ peers, ports }: PolicyRule, namespace: string, peer: Peer, to: PolicyDestination, labelsOf: (namespace: string) => Readonly<Record<string, string>>): boolean {
  const named = peers === undefined || peers.length === 0 || peers.some((one) => isPeer(one, namespace, peer, labelsOf));
  const open = ports === undefined || ports.length === 0 || ports.some((port) => (port.protocol ?? "TCP") === "TCP" && isPort(port, to));
  return named && open;
}

function isPort({ port, endPort }: NonNullable<PolicyRule["ports"]>[number], to: PolicyDestination): boolean {
  if (port === undefined) return true;
  if (typeof port === "string") return to.pod?.ports[port] === to.port;
  return endPort === undefined ? port === to.port : port <= to.port && to.port <= endPort;
}

function isPeer({ ipBlock, podSelector, namespaceSelector }: PolicyPeer, namespace: string, { addresses, pod }: Peer, labelsOf: (namespace: string) => Readonly<Record<string, string>>): boolean {
  if (ipBlock !== undefined) return addresses.some((address) => inBlock(address, ipBlock.cidr) && !(ipBlock.except ?? []).some((part) => inBlock(address, part)));
  if (pod === undefined) return false;
  const inNamespace = namespaceSelector === undefined ? pod.namespace === namespace : fits(namespaceSelector, labelsOf(pod.namespace));
  return inNamespace && (podSelector === undefined || fits(podSelector, pod.labels));
}

function inBlock(address: string, cidr: string): boolean {
  if (!ipaddr.isValid(address) || !ipaddr.isValidCIDR(cidr)) return false;
  const [block, bits] = ipaddr.parseCIDR(cidr);
  const parsed = ipaddr.process(address);
  return parsed.kind() === block.kind() && parsed.match([block, bits] as [typeof parsed, number]);
}

/** Whether labels are what a selector wants; an empty one wants nothing. */
export function fits({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value) && matchExpressions.every((expression) => holds(expression, labels));
}

function holds({ key, operator, values = [] }: NonNullable<LabelSelector["matchExpressions"]>[number], labels: Readonly<Record<string, string>>): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}
