import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { TrafficPolicy } from "#gen/k8s/traffic-policy";
import { compareText } from "#lib/compare";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects, statuses } from "#translate/facts";
import { gatewayGroup } from "#translate/gateway/api";
import { gatewaySites } from "#translate/gateway/site";
import { parsedTrafficPolicies, strongestPolicy, trafficPolicyTargets } from "#translate/gateway/traffic-policy/attach";
import type { ParsedPolicy } from "#translate/gateway/traffic-policy/parse";

/** The Gateways of ours that a route is attached to. Bucket: `kind/namespace/name` of the route. */
export const gatewaysOfRoute = family<string>("gateway-of-route");

/** Says of each TrafficPolicy, for each Gateway that it concerns, whether it is in force. */
export function trafficPolicyStatus(settings: Settings): Rule {
  return {
    name: "traffic-policy-status",
    over: objects("TrafficPolicy"),
    derive(bucket, read, emit) {
      const policy = read.one(objects("TrafficPolicy"), bucket);
      const parsed = read.one(parsedTrafficPolicies, bucket);
      if (policy === undefined || parsed === undefined) return;
      const { namespace = "", name, generation = 0 } = policy.metadata;
      const gateways = [...new Set(policy.spec.targetRefs.flatMap((target) => gatewaysOf(read, namespace, target)))].toSorted(compareText).slice(0, 16);
      if (gateways.length === 0) return;
      const conditions = [accepted(read, policy, bucket, parsed, generation)];
      const ancestors = gateways.map((gateway) => ({ ancestorRef: { group: gatewayGroup, kind: "Gateway", namespace: gateway.slice(0, gateway.indexOf("/")), name: gateway.slice(gateway.indexOf("/") + 1) }, controllerName: settings.gatewayControllerName, conditions }));
      emit(statuses, `TrafficPolicy/${bucket}`, { kind: "TrafficPolicy", namespace, name, generation, status: { ancestors } });
    },
  };
}

function gatewaysOf(read: Reader, namespace: string, { kind, name }: TrafficPolicy["spec"]["targetRefs"][number]): readonly string[] {
  const key = objectKey(namespace, name);
  if (kind === "Gateway") return read.any(gatewaySites, key) ? [key] : [];
  return read.all(gatewaysOfRoute, `${kind}/${key}`);
}

function accepted(read: Reader, policy: TrafficPolicy, key: string, parsed: ParsedPolicy, generation: number): Condition {
  const namespace = policy.metadata.namespace ?? "";
  if (parsed.kind === "invalid") return condition("Policy", "Accepted", "False", "Invalid", `requests to its targets are answered with 500: ${parsed.message}`, generation);
  for (const { kind, name, sectionName } of policy.spec.targetRefs) {
    const first = strongestPolicy(read.all(trafficPolicyTargets, `${kind}/${objectKey(namespace, name)}`), sectionName);
    if (first !== undefined && first.policy !== key) return condition("Policy", "Accepted", "False", "Conflicted", `the older TrafficPolicy ${first.policy} is for the same ${kind} ${name}; put them together`, generation);
  }
  return condition("Policy", "Accepted", "True", "Accepted", "the policy is in force", generation);
}
