import type { Target } from "#doctor/choose";
import { isReached } from "#doctor/verdict";
import type { Sight, Verdict, VerdictContext } from "#doctor/verdict";
import type { EndpointResult } from "#doctor/plan";

type Seen = Sight["seen"][number];

/** Why packets vanish that no NetworkPolicy holds back: judged by what the same Envoy reaches elsewhere. */
export function pathTrouble({ envoy, seen }: Sight, { endpoint, clusters }: Target, result: EndpointResult, { cnis, world }: VerdictContext): Verdict {
  const family = familyOf(result);
  const node = endpoint?.node;
  const how = result.outcome.kind === "unreachable" ? ` (${result.outcome.code})` : "";
  const others = seen.filter((one) => one.result !== result);
  const reached = (fits: (one: Seen) => boolean): boolean => others.some((one) => isReached(one.result.outcome) && fits(one));
  const there = (one: Seen): boolean => one.target.endpoint?.node === node;
  const alike = (one: Seen): boolean => familyOf(one.result) === family;
  const samePod = (one: Seen): boolean => endpoint?.pod !== undefined && one.target.endpoint?.pod?.name === endpoint.pod.name && one.target.endpoint.pod.namespace === endpoint.pod.namespace;
  const otherFamily = reached((one) => !alike(one) && (samePod(one) || (node !== undefined && there(one))));
  if (otherFamily && !reached((one) => alike(one) && there(one))) {
    const wish = family === "IPv6" ? "IPv4" : "IPv6";
    return { id: "family-path", what: `new connections vanish over ${family}${how}, and come through over ${wish}`, fix: `mend the ${family} routes of the nodes and of the network plugin, or let Envoys prefer ${wish}: spec.envoy.cluster.preferredAddressFamily of the ContourConfiguration` };
  }
  if (node !== undefined && node !== envoy.node && !reached((one) => alike(one) && there(one)) && reached((one) => one.target.endpoint?.node !== node)) {
    const from = envoy.node === undefined ? "from here" : `from node ${envoy.node}`;
    return { id: "node-path", what: `${from} no pod on node ${node} is reached${how}, and pods elsewhere are`, fix: `look at what lies between the nodes: the routes or tunnel of the network plugin${cnis.length === 0 ? "" : ` (${cnis.map(({ name }) => name).join(", ")})`} on ${node}, firewalls and security groups` };
  }
  if (clusters.some(({ source }) => source.kind === "endpoints" && source.byClusterIp === true)) return { id: "dropped", what: `new connections to the cluster IP vanish${how}`, fix: "look whether kube-proxy, or what replaces it, runs on Envoy's node and serves this Service; or let Envoy go to the pods: projectcontour.io/upstream-addresses: Endpoints" };
  const own = cnis.flatMap(({ traits }) => traits.filter((trait) => trait.includes("polic")));
  return { id: "dropped", what: `new connections vanish${how}${world.policies.length > 0 ? ", and no NetworkPolicy is the reason" : ""}`, fix: `look whether the pod is there, at firewalls of its node, and at policies that the doctor does not read${own.length === 0 ? "" : `: ${own.join("; ")}`}` };
}

function familyOf({ address = "" }: EndpointResult): "IPv4" | "IPv6" {
  return address.includes(":") ? "IPv6" : "IPv4";
}
