import type { Allowance, Pod, PodRules } from "./network.ts";

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}

interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
}

/** What of a NetworkPolicy the lab translates: its ingress side. */
export interface NetworkPolicy {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly { readonly from?: readonly Peer[]; readonly ports?: readonly { readonly port?: number | string; readonly protocol?: string }[] }[];
  };
}

/** What policies say about each pod that at least one of them selects (networking.k8s.io/v1, NetworkPolicySpec). */
export function rulesOf(policies: readonly NetworkPolicy[], pods: readonly Pod[]): readonly PodRules[] {
  return pods.flatMap((pod) => {
    const selecting = policies.filter((policy) => policy.kind === "NetworkPolicy" && policy.metadata.namespace === pod.namespace && fits(policy.spec.podSelector, pod.labels) && (policy.spec.policyTypes ?? ["Ingress"]).includes("Ingress"));
    if (selecting.length === 0) return [];
    return [{ pod, allowed: selecting.flatMap((policy) => (policy.spec.ingress ?? []).map(({ from, ports = [] }): Allowance => ({
      from: from === undefined ? "anyone" : from.flatMap((peer) => addressesOf(peer, policy, pods)),
      ports: ports.filter(({ protocol = "TCP" }) => protocol === "TCP").map(({ port }) => Number(port)),
    }))) }];
  });
}

function addressesOf({ ipBlock, namespaceSelector, podSelector = {} }: Peer, policy: NetworkPolicy, pods: readonly Pod[]): readonly string[] {
  if (ipBlock !== undefined) return [ipBlock.cidr];
  const inNamespace = (pod: Pod): boolean => (namespaceSelector === undefined ? pod.namespace === policy.metadata.namespace : fits(namespaceSelector, { "kubernetes.io/metadata.name": pod.namespace }));
  return pods.filter((pod) => inNamespace(pod) && fits(podSelector, pod.labels)).flatMap(({ v4, v6 }) => (v6 === undefined ? [v4] : [v4, v6]));
}

function fits({ matchLabels = {} }: Selector, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
}
