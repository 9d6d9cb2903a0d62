import { compareText } from "#lib/compare";
import type { Guard } from "#model/listener";
import { guardId } from "#model/listener";
import type { RoutePolicies } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { clusters, objectKey, objects, weightedServices } from "#translate/facts";
import { inFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import { parseTrafficPolicy } from "#translate/gateway/traffic-policy/parse";
import type { ParsedPolicy, PolicyContents } from "#translate/gateway/traffic-policy/parse";
import { emitCluster } from "#translate/shared/services";

/** One target of a TrafficPolicy. */
export interface PolicyTarget {
  readonly policy: string;
  readonly created: string;
  readonly section?: string;
}

/** Who wants to say something about an object. Bucket: `kind/namespace/name` of the target. */
export const trafficPolicyTargets = family<PolicyTarget>("traffic-policy-target");

/** Bucket: `namespace/name` of the policy. */
export const parsedTrafficPolicies = family<ParsedPolicy>("parsed-traffic-policy");

/** What stands in front of a listener because routes of it ask for that. Bucket: the key of the listener. */
export const listenerGuards = family<Guard>("listener-guard");

/** Files each TrafficPolicy under its targets, and reads it once. */
export function indexTrafficPolicies(settings: Settings): Rule {
  return {
    name: "index-traffic-policy",
    over: objects("TrafficPolicy"),
    derive(bucket, read, emit) {
      const policy = read.one(objects("TrafficPolicy"), bucket);
      if (policy === undefined) return;
      const { namespace = "", creationTimestamp: created = "" } = policy.metadata;
      emit(parsedTrafficPolicies, bucket, parseTrafficPolicy(read, settings, policy));
      for (const { kind, name, sectionName } of policy.spec.targetRefs) emit(trafficPolicyTargets, `${kind}/${objectKey(namespace, name)}`, { policy: bucket, created, ...(sectionName === undefined ? {} : { section: sectionName }) });
    },
  };
}

/** The policy that counts for a target, or one section of it: the oldest, then the first by name. */
export function strongestPolicy(targets: readonly PolicyTarget[], section: string | undefined): PolicyTarget | undefined {
  return targets.filter((target) => target.section === section).toSorted((a, b) => compareText(a.created, b.created) || compareText(a.policy, b.policy))[0];
}

/** What all policies of a rule add up to. "closed": one of them is wrong, and what it wanted to keep out must stay out. */
export type EffectivePolicy = "closed" | PolicyContents;

/** A place where policies can be: an object, and a section of it. */
export interface PolicyPlace {
  /** `kind/namespace/name`. */
  readonly target: string;
  readonly section?: string;
}

const nothing: PolicyContents = { policies: {}, guards: [], clusters: [] };

/** Puts the policies of places together, the more specific place last: it wins, field by field. */
export function effectivePolicy(read: Reader, places: readonly PolicyPlace[]): EffectivePolicy {
  let sum = nothing;
  for (const { target, section } of places) {
    const targets = read.all(trafficPolicyTargets, target);
    for (const wanted of section === undefined ? [undefined] : [undefined, section]) {
      const policy = strongestPolicy(targets, wanted);
      const parsed = policy === undefined ? undefined : read.one(parsedTrafficPolicies, policy.policy);
      if (parsed?.kind === "invalid") return "closed";
      if (parsed !== undefined) sum = add(sum, parsed.contents);
    }
  }
  return sum;
}

function add(outer: PolicyContents, inner: PolicyContents): PolicyContents {
  const guards = new Map([...outer.guards, ...inner.guards].map((guard) => [guardId(guard), guard]));
  return { policies: { ...outer.policies, ...inner.policies }, guards: [...guards.values()], clusters: [...outer.clusters, ...inner.clusters] };
}

/** A route's own policies on top of those that are attached to it. */
export function withPolicy(own: RoutePolicies, { policies }: PolicyContents): RoutePolicies {
  return { ...policies, ...own };
}

/** Says that a listener needs what a policy asks for, and its fleet the services that are called for it. */
export function emitPolicyNeeds(read: Reader, emit: Emit, listener: string, fleet: FleetName, policy: EffectivePolicy): void {
  if (policy === "closed") return;
  for (const guard of policy.guards) {
    emit(listenerGuards, listener, guard);
    if (guard.kind === "authorization") shareService(read, emit, guard.authorization.cluster, fleet);
  }
  for (const cluster of policy.clusters) emitCluster(emit, cluster, fleet);
}

/** The cluster of an ExtensionService is made for the common Envoys: others that call it get it, too. */
export function shareService(read: Reader, emit: Emit, name: string, fleet: FleetName): void {
  const cluster = read.one(clusters, name);
  if (cluster === undefined || inFleet(fleet, name) === name) return;
  emit(clusters, inFleet(fleet, name), cluster);
  if (cluster.source.kind !== "endpoints") return;
  for (const weighted of read.all(weightedServices, cluster.source.endpoints)) emit(weightedServices, inFleet(fleet, cluster.source.endpoints), weighted);
}
