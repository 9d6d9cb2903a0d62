import type { Allowance, Pod, PodRules } from "./network.ts";
import type { Selector } from "./selectors.ts";
import { calicoFits, fits, namespaceFits } from "./selectors.ts";

/** Numbers of ports, or a range of them. */
interface PolicyPort {
  readonly port?: number | string;
  readonly endPort?: number;
  readonly protocol?: string;
}

interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly nodeSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
}

/** A policy of Kubernetes' own kind, of which the lab translates the ingress side. */
export interface NetworkPolicy {
  readonly kind: "NetworkPolicy";
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly { readonly from?: readonly Peer[]; readonly ports?: readonly PolicyPort[] }[];
  };
}

/** What Calico adds (projectcalico.org/v3), as far as deploy/ uses it. */
interface CalicoPolicy {
  readonly kind: "GlobalNetworkPolicy";
  readonly spec: { readonly namespaceSelector: string; readonly selector?: string; readonly ingress: readonly { readonly action: "Allow"; readonly source: { readonly nets: readonly string[] }; readonly destination?: { readonly ports: readonly number[] } }[] };
}

/** What Cilium adds (cilium.io/v2), as far as deploy/ uses it. */
interface CiliumPolicy {
  readonly kind: "CiliumNetworkPolicy";
  readonly metadata: { readonly namespace?: string };
  readonly spec: { readonly endpointSelector: Selector; readonly ingress: readonly { readonly fromEntities: NonNullable<Allowance["entities"]>; readonly toPorts?: readonly { readonly ports: readonly PolicyPort[] }[] }[] };
}

/** What Antrea adds (crd.antrea.io/v1beta1), as far as deploy/ uses it. */
interface AntreaPolicy {
  readonly kind: "ClusterNetworkPolicy";
  readonly spec: { readonly appliedTo: readonly Peer[]; readonly ingress: readonly { readonly action: "Allow"; readonly from: readonly Peer[]; readonly ports?: readonly PolicyPort[] }[] };
}

/** A policy of any of these kinds. */
export type Policy = NetworkPolicy | CalicoPolicy | CiliumPolicy | AntreaPolicy;

/** What policies are read against: all pods, and the addresses that nodes are known by. */
interface Surroundings {
  readonly pods: readonly Pod[];
  readonly nodeAddresses: readonly string[];
}

/** What policies say about each pod that one of them closes. */
export function rulesOf(policies: readonly Policy[], pods: readonly Pod[], nodeAddresses: readonly string[] = []): readonly PodRules[] {
  return pods.flatMap((pod) => {
    const said = policies.flatMap((policy) => saidOf(policy, pod, { pods, nodeAddresses }) ?? []);
    return said.some(({ closes }) => closes) ? [{ pod, allowed: said.flatMap(({ allowed }) => allowed) }] : [];
  });
}

/** What a policy says about a pod: whom it lets in, and whether it keeps out everybody else. */
interface Said {
  readonly closes: boolean;
  readonly allowed: readonly Allowance[];
}

function saidOf(policy: Policy, pod: Pod, surroundings: Surroundings): Said | undefined {
  switch (policy.kind) {
    case "NetworkPolicy": return saidByKubernetes(policy, pod, surroundings);
    case "GlobalNetworkPolicy": return calicoFits(policy.spec.namespaceSelector, { "projectcalico.org/name": pod.namespace }) && (policy.spec.selector === undefined || calicoFits(policy.spec.selector, pod.labels)) ? { closes: true, allowed: policy.spec.ingress.map(({ source, destination }) => ({ from: source.nets, ports: destination?.ports ?? [] })) } : undefined;
    case "CiliumNetworkPolicy": return policy.metadata.namespace === pod.namespace && fits(policy.spec.endpointSelector, pod.labels) ? { closes: true, allowed: policy.spec.ingress.map(({ fromEntities, toPorts = [] }) => ({ from: [], entities: fromEntities, ports: toPorts.flatMap(({ ports }) => numbersOf(ports)) })) } : undefined;
    case "ClusterNetworkPolicy": return policy.spec.appliedTo.some((peer) => isPeer(peer, pod)) ? { closes: false, allowed: policy.spec.ingress.map(({ from, ports = [] }) => ({ from: from.flatMap((peer) => addressesOf(peer, pod.namespace, surroundings)), ports: numbersOf(ports) })) } : undefined;
    default: throw new Error(`a policy of no kind that the lab knows: ${JSON.stringify(policy satisfies never)}`);
  }
}

/** networking.k8s.io/v1, NetworkPolicySpec. */
function saidByKubernetes({ metadata, spec }: NetworkPolicy, pod: Pod, surroundings: Surroundings): Said | undefined {
  if (metadata.namespace !== pod.namespace || !fits(spec.podSelector, pod.labels) || !(spec.policyTypes ?? ["Ingress"]).includes("Ingress")) return undefined;
  return { closes: true, allowed: (spec.ingress ?? []).map(({ from, ports = [] }) => ({ from: from === undefined ? "anyone" : from.flatMap((peer) => addressesOf(peer, pod.namespace, surroundings)), ports: numbersOf(ports) })) };
}

/** The ports on which something in the lab listens: what of a range is put into force. */
const listening = [8080, 8081, 8002, 8090];

function numbersOf(ports: readonly PolicyPort[]): readonly number[] {
  return ports.filter(({ protocol = "TCP" }) => protocol === "TCP").flatMap(({ port, endPort }) => (endPort === undefined ? [Number(port)] : listening.filter((number) => number >= Number(port) && number <= endPort)));
}

function addressesOf(peer: Peer, namespace: string, { pods, nodeAddresses }: Surroundings): readonly string[] {
  if (peer.ipBlock !== undefined) return [peer.ipBlock.cidr];
  if (peer.nodeSelector !== undefined) return nodeAddresses;
  return pods.filter((pod) => (peer.namespaceSelector === undefined && pod.namespace === namespace) || isPeer(peer, pod)).filter((pod) => fits(peer.podSelector ?? {}, pod.labels)).flatMap(({ v4, v6 }) => (v6 === undefined ? [v4] : [v4, v6]));
}

function isPeer({ namespaceSelector, podSelector = {} }: Peer, pod: Pod): boolean {
  return namespaceSelector !== undefined && namespaceFits(namespaceSelector, pod.namespace) && fits(podSelector, pod.labels);
}
