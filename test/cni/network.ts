import type { Lab, NodeName } from "./lab.ts";

/** A pod that a network is to connect. */
export interface PodWish {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly node: NodeName;
  readonly hostPorts?: readonly { readonly host: number; readonly container: number }[];
}

/** A pod with its addresses. */
export interface Pod extends PodWish {
  readonly v4: string;
  readonly v6?: string;
  /** The end of its link that is on the node, where policies are enforced. */
  readonly hostInterface: string;
}

/** Who may open connections to a pod: which addresses, to which ports; no ports is all. */
export interface Allowance {
  readonly from: readonly string[] | "anyone";
  readonly ports: readonly number[];
  /** Nodes' own processes, where a network knows them by no address: those of the pod's node, and those of others. */
  readonly entities?: readonly ("host" | "remote-node")[];
}

/** What policies say about a pod: absent from the list, everything is allowed. */
export interface PodRules {
  readonly pod: Pod;
  readonly allowed: readonly Allowance[];
}

/** The pod network of a wiring on two nodes. */
export interface PodNetwork {
  attach(pod: PodWish): Promise<Pod>;
  detach(pod: Pod): Promise<void>;
  /** Puts all policies into force, instead of those before. */
  enforce(rules: readonly PodRules[]): Promise<void>;
  /** Addresses that a host-network process of a node is seen with, as the CNI knows them; `unknown` of a network that the lab did not make. */
  nodeAddresses(node: NodeName): readonly string[] | "unknown";
  /** Serves cluster IPs itself; else kube-proxy does. */
  serveClusterIp?(service: { readonly ip: string; readonly port: number; readonly pods: readonly Pod[]; readonly targetPort: number }): Promise<void>;
  /** Cluster IPs that it serves are for pods; processes of nodes need kube-proxy. */
  readonly clusterIpsOfPodsOnly?: true;
  /** Wraps the start of a program in a pod, where it has to be in a cgroup. */
  readonly wrap?: readonly string[];
}

/** A way to connect pods. */
export interface Wiring {
  readonly name: string;
  /** Which parts are the real ones and which are reproduced. */
  readonly component: string;
  readonly v6: boolean;
  /** What pods have; absent where it is not known before. */
  readonly mtu?: number;
  /** What a backend sees of a client that came by the hostPort: its own address, or one by which the network has replaced it. */
  readonly hostPort: "kept" | "replaced" | "either" | "none";
  /** Which file of deploy/network-policies/host-network is for it; addresses.yaml where absent. */
  readonly hostPolicies?: "calico.yaml" | "cilium.yaml" | "antrea.yaml";
  prepare(lab: Lab): Promise<PodNetwork>;
}
