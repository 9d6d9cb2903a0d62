import type { Target } from "#doctor/choose";
import { describeEnvoy } from "#doctor/envoy-findings";
import { describeOrigins, finding } from "#doctor/finding";
import type { Finding } from "#doctor/finding";
import { blockingPolicies } from "#doctor/network-policy";
import type { PolicyBlock } from "#doctor/network-policy";
import { describeService } from "#doctor/object-findings";
import { pathTrouble } from "#doctor/path-trouble";
import type { EndpointResult, Outcome } from "#doctor/plan";
import { wrongSpeech } from "#doctor/speech-findings";
import { isReached } from "#doctor/verdict";
import type { Sight, Verdict, VerdictContext } from "#doctor/verdict";
import type { ClusterView } from "#doctor/view";
import type { EnvoyView, NetworkWorld } from "#doctor/world";

/** One finding, with the endpoint and the Envoy that it was seen at: many may be one. */
export interface Sighting {
  readonly finding: Omit<Finding, "where">;
  readonly service: string;
  readonly endpoint: string;
  readonly envoy: string;
}

/** What is wrong on the ways from one Envoy. */
export function sightingsOf(sight: Sight, context: VerdictContext): readonly Sighting[] {
  return sight.seen.flatMap(({ target, result }) => {
    const [cluster] = target.clusters;
    if (cluster === undefined) return [];
    const at = { service: cluster.service === undefined ? "" : describeService(cluster.service), endpoint: describeEndpoint(target, result), envoy: describeEnvoy(sight.envoy) };
    return verdicts(sight, context, target, cluster, result).map((verdict) => {
      const { where: _, ...rest } = finding(verdict.id, { ...verdict, who: verdict.who ?? describeOrigins(cluster.origins) });
      // What a policy does is the same for all that it is about.
      return { finding: rest, ...at, ...(verdict.who === undefined ? {} : { service: "" }) };
    });
  });
}

function verdicts(sight: Sight, context: VerdictContext, target: Target, cluster: ClusterView, result: EndpointResult): readonly Verdict[] {
  const { outcome } = result;
  const blocks = blocksOf(sight.envoy, context.world, target, result);
  if (outcome.kind === "dropped" || outcome.kind === "unreachable") return blocks.length > 0 ? blocks.map((block) => policyVerdict(block, sight.envoy, target, context)) : [pathTrouble(sight, target, result, context)];
  const unenforced = isReached(outcome) && !sight.envoy.hostNetwork ? blocks.map((block) => unenforcedVerdict(block, context)) : [];
  return [...spokenVerdicts(sight, target, cluster, outcome), ...unenforced];
}

function spokenVerdicts(sight: Sight, target: Target, cluster: ClusterView, outcome: Outcome): readonly Verdict[] {
  switch (outcome.kind) {
    case "good":
      return [];
    case "refused":
      return [{ id: "refused", what: `nobody listens on port ${target.probe.target.port}: the connection is refused`, fix: refusedFix(cluster) }];
    case "silent":
      return [{ id: "silent", what: "it accepts connections and does not answer in time", fix: "look at the pod's log, and whether it answers a GET of this path; where it may take longer, raise --timeout" }];
    case "stalled":
      return [{ id: "mtu", what: `small packets pass and large ones vanish ${outcome.direction === "to-pod" ? "on the way to the pod" : "on the way back"} (${outcome.evidence})`, fix: mtuFix(sight) }];
    case "name-unresolved":
      return [{ id: "name-unresolved", what: `the name ${target.probe.target.kind === "name" ? target.probe.target.host : ""} has no address where Envoy is (${outcome.code})`, fix: `correct spec.externalName of the Service, or the name server that Envoy's pod has` }];
    case "failed":
      return [{ id: "probe-failed", what: `the probe failed: ${outcome.reason}`, fix: "try again; if it stays, this is worth an issue" }];
    case "dropped":
    case "unreachable":
      return [];
    default:
      return wrongSpeech(outcome, cluster);
  }
}

function refusedFix({ service }: ClusterView): string {
  return service === undefined ? "write a port that the backend listens on" : `write into spec.ports[].targetPort of Service ${service.namespace}/${service.name} a port that its pods listen on, on all addresses and not on 127.0.0.1`;
}

function mtuFix({ mtu }: Sight): string {
  return `the way carries less than the MTU that pods have${mtu === undefined ? "" : ` (Envoy's is ${mtu})`}: set the MTU of the network plugin (VXLAN: 50 below that of the nodes) and start the pods again, or let ICMP "fragmentation needed" through, or clamp the MSS of TCP`;
}

function blocksOf(envoy: EnvoyView, world: NetworkWorld, { endpoint, probe }: Target, { address }: EndpointResult): readonly PolicyBlock[] {
  if (address === undefined) return [];
  const pod = endpoint?.pod === undefined ? undefined : world.pods.get(`${endpoint.pod.namespace}/${endpoint.pod.name}`);
  return blockingPolicies(world, envoy, { address, port: probe.target.port, ...(pod === undefined ? {} : { pod }) });
}

/** The policies alone, for an Envoy from whose place nothing could be tried. */
export function policySightings(envoy: EnvoyView, targets: readonly Target[], context: VerdictContext): readonly Sighting[] {
  return targets.flatMap((target) => {
    const [cluster] = target.clusters;
    const { probe: { id, target: place } } = target;
    if (cluster === undefined || place.kind === "name") return [];
    const result: EndpointResult = { kind: "endpoint", id, address: place.address, outcome: { kind: "dropped" } };
    // What pods see of a host-network Envoy is not known before it is tried.
    return blocksOf(envoy, context.world, target, result).filter(({ dependsOnAddress }) => !dependsOnAddress).map((block) => {
      const verdict = policyVerdict(block, envoy, target, context);
      const { where: _, ...rest } = finding(verdict.id, { ...verdict, who: describeOrigins(cluster.origins) });
      return { finding: rest, service: cluster.service === undefined ? "" : describeService(cluster.service), endpoint: describeEndpoint(target, result), envoy: describeEnvoy(envoy) };
    });
  });
}

function policyVerdict({ direction, policies, dependsOnAddress }: PolicyBlock, envoy: EnvoyView, { endpoint }: Target, { cnis }: VerdictContext): Verdict {
  const names = policies.map(({ namespace, name }) => `NetworkPolicy ${namespace}/${name}`).join(", ");
  if (direction === "egress") return { id: "network-policy-egress", what: `${names} let${policies.length > 1 ? "" : "s"} Envoy's pods not connect to it`, fix: `add an egress rule for the pod's namespace${endpoint?.pod === undefined ? "" : ` (${endpoint.pod.namespace})`} to one of them, or leave policyTypes: [Ingress] as deploy/components/network-policies has it` };
  const namespace = endpoint?.pod?.namespace ?? "NAMESPACE";
  const hint = cnis[0]?.hostNetworkHint;
  if (dependsOnAddress) return { id: "network-policy-ingress", what: `${names} let${policies.length > 1 ? "" : "s"} Envoy not in: as it is in the network of its node, no label names it`, fix: hint ?? "allow the addresses that nodes have there by ipBlock, or run Envoy as a pod" };
  const tenant = envoy.namespace === "projectcontour" && envoy.labels["app"] === "envoy" ? "" : `, with the namespace ${envoy.namespace} and labels of your Envoys`;
  return { id: "network-policy-ingress", what: `${names} let${policies.length > 1 ? "" : "s"} Envoy not in`, fix: `kubectl -n ${namespace} apply -f deploy/network-policies/tenant.yaml${tenant}` };
}

function unenforcedVerdict({ direction, policies }: PolicyBlock, { cnis }: VerdictContext): Verdict {
  const names = policies.map(({ namespace, name }) => `NetworkPolicy ${namespace}/${name}`).join(", ");
  const enforcing = cnis.some(({ enforcesPolicies }) => enforcesPolicies === true);
  return { id: "policy-not-enforced", who: names, what: `it would keep Envoy ${direction === "ingress" ? "out" : "from connecting"}, and the network lets it pass${enforcing ? "" : ": it enforces no policies"}`, fix: "allow Envoy before the network enforces it: deploy/network-policies/tenant.yaml" };
}

function describeEndpoint({ endpoint, probe: { target } }: Target, { address }: EndpointResult): string {
  const place = target.kind === "name" ? `${target.host}${address === undefined ? "" : ` (${address})`}` : target.address.includes(":") ? `[${target.address}]` : target.address;
  const pod = endpoint?.pod === undefined ? "" : `pod ${endpoint.pod.namespace}/${endpoint.pod.name} `;
  return `${pod}${place}:${target.port}${endpoint?.node === undefined ? "" : ` on ${endpoint.node}`}`;
}
