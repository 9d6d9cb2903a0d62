import type { CniTraces } from "#doctor/world";

/** A network plugin that was found, and what an L7 proxy has to know of it. */
export interface FoundCni {
  readonly name: string;
  /** What it was known by. */
  readonly evidence: string;
  /** How packets travel between nodes, where that can be told. */
  readonly mode?: string;
  /** Whether it puts NetworkPolicies into force; absent where that is not known. */
  readonly enforcesPolicies?: boolean;
  readonly traits: readonly string[];
  /** What lets a host-network Envoy in where policies deny by default. */
  readonly hostNetworkHint: string;
}

interface Known {
  readonly name: string;
  readonly annotation?: string;
  readonly apiGroup?: RegExp;
  readonly daemonSet?: RegExp;
  readonly enforcesPolicies: boolean;
  readonly traits: readonly string[];
  readonly hostNetworkHint: string;
}

const overlayTrait = "an overlay takes bytes of each packet (VXLAN: 50): pods need an MTU as much below that of the nodes";

/** What each was seen to do: docs/cni.md. */
const known: readonly Known[] = [
  {
    name: "Calico", annotation: "projectcalico.org/", apiGroup: /(^|\.)projectcalico\.org$/, daemonSet: /\/(calico-node|canal)$/, enforcesPolicies: true,
    traits: ["it has policies of its own (GlobalNetworkPolicy): one that denies by default also shuts Envoy out", "open connections go on when a policy shuts new ones out"],
    hostNetworkHint: "with Calico a host-network Envoy is seen with the address of its node without encapsulation, and with the node's tunnel address with VXLAN or IPIP: allow both by ipBlock",
  },
  {
    name: "Cilium", annotation: "network.cilium.io/", apiGroup: /^cilium\.io$/, daemonSet: /\/cilium$/, enforcesPolicies: true,
    traits: ["its own policies (CiliumNetworkPolicy) count, too", "open connections hang when a policy shuts their pods", "without kube-proxy it serves cluster IPs itself, to pods and to nodes"],
    hostNetworkHint: "with Cilium no ipBlock names a host-network Envoy: use a CiliumNetworkPolicy with fromEntities [host, remote-node]",
  },
  {
    name: "Antrea", annotation: "node.antrea.io/", apiGroup: /^crd\.antrea\.io$/, daemonSet: /\/antrea-agent$/, enforcesPolicies: true,
    traits: ["its own policies (ClusterNetworkPolicy of Antrea) count, too", "cluster IPs are served to pods, to nodes only with proxyAll or kube-proxy", overlayTrait],
    hostNetworkHint: "with Antrea a host-network Envoy is seen with the address of antrea-gw0 of its node: allow that by ipBlock, or the node by an Antrea ClusterNetworkPolicy",
  },
  {
    name: "Weave Net", daemonSet: /\/weave-net$/, enforcesPolicies: true,
    traits: ["it is archived", "it hides clients of a hostPort behind its bridge, unless it has --no-masq-local", overlayTrait],
    hostNetworkHint: "with Weave Net a host-network Envoy is seen with the address of the bridge weave of its node: allow that by ipBlock",
  },
  {
    name: "Flannel", annotation: "flannel.alpha.coreos.com/", daemonSet: /\/(kube-flannel-ds.*|canal)$/, enforcesPolicies: false,
    traits: ["by itself it enforces no NetworkPolicies", overlayTrait],
    hostNetworkHint: "with Flannel a host-network Envoy is seen with the address of the bridge cni0 on its own node, and of flannel.1 on others: whoever enforces policies has to allow these by ipBlock",
  },
  {
    name: "kindnet", daemonSet: /\/kindnet$/, enforcesPolicies: true,
    traits: ["routes between nodes, without an overlay"],
    hostNetworkHint: "a host-network Envoy is seen with the address of its node: allow that by ipBlock",
  },
];

/** Names the network plugins of a cluster by what they leave on nodes and in the API. Several where they share the work. */
export function findCnis(traces: CniTraces): readonly FoundCni[] {
  return known.flatMap((cni) => {
    const evidence = evidenceOf(cni, traces);
    if (evidence === undefined) return [];
    const mode = modeOf(cni.name, traces);
    const { name, enforcesPolicies, hostNetworkHint } = cni;
    const traits = mode === "host-gw" ? cni.traits.filter((trait) => trait !== overlayTrait) : cni.traits;
    return [{ name, evidence, ...(mode === undefined ? {} : { mode }), enforcesPolicies, traits, hostNetworkHint }];
  });
}

/** What is said where none is known: nothing is guessed. */
export const unknownCni: FoundCni = {
  name: "unknown",
  evidence: "no annotation of a node, API group or DaemonSet of a known one; the reference plugins (bridge, ptp) and those of clouds leave none",
  traits: ["Contour needs addresses of pods that Envoy reaches, and nothing else of it"],
  hostNetworkHint: "what pods see of a host-network Envoy differs from network to network; Envoys as pods are named by namespace and label everywhere",
};

function evidenceOf({ annotation, apiGroup, daemonSet }: Known, { nodes, daemonSets, apiGroups }: CniTraces): string | undefined {
  const group = apiGroups.find((name) => apiGroup?.test(name));
  const workload = daemonSets.find((name) => daemonSet?.test(name));
  const marked = annotation === undefined ? [] : nodes.filter(({ annotations }) => Object.keys(annotations).some((key) => key.startsWith(annotation)));
  // CRDs stay when a plugin goes: alone they say nothing.
  if (workload === undefined && marked.length === 0) return undefined;
  return [workload === undefined ? "" : `DaemonSet ${workload}`, marked.length === 0 ? "" : `annotations ${annotation ?? ""}* of ${marked.length} of ${nodes.length} nodes`, group === undefined ? "" : `API group ${group}`].filter((part) => part !== "").join(", ");
}

function modeOf(name: string, { nodes }: CniTraces): string | undefined {
  const values = (key: string): readonly string[] => [...new Set(nodes.flatMap(({ annotations }) => annotations[key] ?? []))].toSorted();
  if (name === "Flannel") return values("flannel.alpha.coreos.com/backend-type").join(", ") || undefined;
  if (name !== "Calico") return undefined;
  if (values("projectcalico.org/IPv4VXLANTunnelAddr").length > 0) return "VXLAN";
  if (values("projectcalico.org/IPv4IPIPTunnelAddr").length > 0) return "IPIP";
  return values("projectcalico.org/IPv4Address").length > 0 ? "no encapsulation" : undefined;
}
