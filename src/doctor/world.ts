import type { FleetName } from "#model/fleet";

/** A pod, as far as policies and probes look at it. */
export interface PodView {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly node?: string;
  readonly hostNetwork: boolean;
  readonly addresses: readonly string[];
  readonly ready: boolean;
  /** Numbers of container ports by their names. */
  readonly ports: Readonly<Record<string, number>>;
}

/** An Envoy, and where it is. */
export interface EnvoyView extends PodView {
  readonly fleet: FleetName;
  /** The container that has this program, beside Envoy; absent where there is none. */
  readonly container?: string;
  /** Addresses of its node, where it is in the network of that. */
  readonly nodeAddresses: readonly string[];
}

/** A set-based selector (meta/v1, LabelSelector). */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

/** Who is allowed (networking.k8s.io/v1, NetworkPolicyPeer). */
export interface PolicyPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

/** One rule of a policy; `peers` absent is everyone. */
export interface PolicyRule {
  readonly peers?: readonly PolicyPeer[];
  readonly ports?: readonly { readonly protocol?: string; readonly port?: number | string; readonly endPort?: number }[];
}

/** A NetworkPolicy. */
export interface NetworkPolicyView {
  readonly namespace: string;
  readonly name: string;
  readonly podSelector: LabelSelector;
  /** Absent where it says nothing about the direction. */
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}

/** What of a cluster a network plugin leaves its traces in. */
export interface CniTraces {
  readonly nodes: readonly { readonly name: string; readonly annotations: Readonly<Record<string, string>> }[];
  /** `namespace/name`. */
  readonly daemonSets: readonly string[];
  readonly apiGroups: readonly string[];
}

/** What a cluster says about its network. */
export interface NetworkWorld {
  /** Absent where there is no cluster, or it may not be read. */
  readonly cni?: CniTraces;
  readonly policies: readonly NetworkPolicyView[];
  /** Labels by namespace. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** By `namespace/name`. */
  readonly pods: ReadonlyMap<string, PodView>;
}
