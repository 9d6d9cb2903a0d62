import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { statuses } from "#translate/facts";
import type { ParentReference } from "#translate/gateway/api";
import { attach, attachedRoutes, ownsHost, routeParent } from "#translate/gateway/attachment";
import type { AttachingRoute, Attachment, ParentAttachment, RouteParent } from "#translate/gateway/attachment";
import { gatewaysOfService } from "#translate/gateway/backend-tls";
import { isHostname } from "#translate/gateway/hostnames";
import { hostKey } from "#translate/gateway/listener-names";
import { httpProtocol } from "#translate/gateway/listener-shape";
import { attachingRoute, rivalOf } from "#translate/gateway/request-route/claims";
import { compiledKey, compiledRoutes, requestRoutes } from "#translate/gateway/request-route/compiled-route";
import type { CompiledRoute, RequestRoute, RequestRouteKind } from "#translate/gateway/request-route/compiled-route";
import { hostAttachments } from "#translate/gateway/request-route/host-attachments";
import { resolvedRefs } from "#translate/gateway/route-status";
import { effectivePolicy, emitPolicyNeeds } from "#translate/gateway/traffic-policy/attach";
import { listenerPlace, rulePlace } from "#translate/gateway/traffic-policy/places";
import { gatewaysOfRoute } from "#translate/gateway/traffic-policy/status";
import { emitCluster } from "#translate/shared/services";

/** Attaches each route of a kind to listeners, host by host, and says in its status where that worked. */
export function attachRoutes(kind: RequestRouteKind, settings: Settings): Rule {
  return {
    name: `attach-${kind}`,
    over: requestRoutes[kind],
    derive(bucket, read, emit) {
      const route = read.one(requestRoutes[kind], bucket);
      if (route === undefined) return;
      const attaching = attachingRoute(kind, route);
      const placed = new Set<string>();
      const called = new Set<string>();
      const parents = (route.spec.parentRefs ?? []).flatMap((parent) => {
        const at = routeParent(read, attaching.namespace, parent);
        const compiled = at === undefined ? undefined : read.one(compiledRoutes, compiledKey(kind, bucket, at.gateway));
        if (at === undefined || compiled === undefined) return [];
        const found = usable(alone(read, attach(read, attaching, parent, at), attaching, compiled), attaching, compiled, route);
        for (const attachment of found.attachments) place(read, emit, placed, compiled, at, attachment);
        if (found.attachments.length > 0 && !called.has(at.gateway)) call(emit, called, compiled, at);
        return [parentStatus(settings, parent, found, attaching, compiled)];
      });
      if (parents.length === 0) return;
      const { namespace, generation } = attaching;
      emit(statuses, `${kind}/${bucket}`, { kind, namespace, name: route.metadata.name, generation, status: { parents } });
    },
  };
}

/** Without the listeners on which an older route of the other kind has the hosts. */
function alone(read: Reader, found: ParentAttachment, { generation }: AttachingRoute, { kind, key, created }: CompiledRoute): ParentAttachment {
  const rivals = found.attachments.map((attachment) => ({ attachment, rival: rivalOf(read, kind, { key, created }, attachment) }));
  const attachments = rivals.flatMap(({ attachment, rival }) => (rival === undefined ? [attachment] : []));
  const [first] = rivals.flatMap(({ rival }) => rival ?? []);
  if (first === undefined || attachments.length > 0) return { ...found, attachments };
  return { accepted: condition("Route", "Accepted", "False", "HostnameConflict", `the older ${first} has a hostname of this route on the same listener; HTTPRoutes and GRPCRoutes cannot share one`, generation), attachments };
}

/** A route that cannot be followed at all is attached nowhere. */
function usable(found: ParentAttachment, { generation }: AttachingRoute, compiled: CompiledRoute, route: RequestRoute): ParentAttachment {
  if (found.attachments.length === 0) return found;
  const bad = (route.spec.hostnames ?? []).find((host) => !isHostname(host));
  if (bad !== undefined) return { accepted: condition("Route", "Accepted", "False", "UnsupportedValue", `spec.hostnames: ${JSON.stringify(bad)} is not a host name; addresses are none, and a wildcard is the whole first label`, generation), attachments: [] };
  const [problem] = compiled.problems;
  if (!compiled.unusable || problem === undefined) return found;
  return { accepted: condition("Route", "Accepted", "False", problem.reason, problem.message, generation), attachments: [] };
}

function place(read: Reader, emit: Emit, placed: Set<string>, compiledRoute: CompiledRoute, at: RouteParent, attachment: Attachment): void {
  const { kind, key, ruleNames } = compiledRoute;
  const { gateway, site } = at;
  const { listener, hosts } = attachment;
  if (placed.has(listener.key)) return;
  placed.add(listener.key);
  emit(attachedRoutes, listener.key, `${kind}/${key}`);
  const protocol = httpProtocol(listener);
  if (protocol === undefined) return;
  const { port, envoyListener } = listener;
  const compiled = compiledKey(kind, key, gateway);
  for (const name of new Set(ruleNames)) emitPolicyNeeds(read, emit, listener.key, site.fleet, effectivePolicy(read, [listenerPlace(gateway, listener), rulePlace(compiledRoute, name)]));
  for (const host of hosts) if (ownsHost(read, at, attachment, host)) emit(hostAttachments, hostKey(envoyListener, host), { kind: "route", listener: envoyListener, host, protocol, port, listenerHost: listener.host, place: listenerPlace(gateway, listener), compiled });
}

function call(emit: Emit, called: Set<string>, { kind, key, clusters, services }: CompiledRoute, { gateway, site }: RouteParent): void {
  called.add(gateway);
  for (const cluster of clusters) emitCluster(emit, cluster, site.fleet);
  for (const service of services) emit(gatewaysOfService, service, gateway);
  emit(gatewaysOfRoute, `${kind}/${key}`, gateway);
}

function parentStatus(settings: Settings, parent: ParentReference, found: ParentAttachment, { generation }: AttachingRoute, compiled: CompiledRoute): unknown {
  return { parentRef: parent, controllerName: settings.gatewayControllerName, conditions: [found.accepted, resolvedRefs(compiled.referenceProblems, generation), ...partiallyInvalid(found, compiled, generation)] };
}

/** Set only while it is true, as the specification demands, with the message that it prescribes. */
function partiallyInvalid(found: ParentAttachment, { problems, unusable }: CompiledRoute, generation: number): readonly Condition[] {
  const [first] = problems;
  if (first === undefined || unusable || found.attachments.length === 0) return [];
  return [condition("Route", "PartiallyInvalid", "True", first.reason, `Dropped Rule: ${problems.map(({ message }) => message).join("; ")}`, generation)];
}
