import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Settings } from "#settings/settings";
import type { Emit, Rule } from "#store/family";
import { family } from "#store/family";
import { statuses } from "#translate/facts";
import { httpRoutes } from "#translate/gateway/api";
import type { HttpRoute, ParentReference } from "#translate/gateway/api";
import { attach, ownsHost } from "#translate/gateway/attachment";
import type { AttachingRoute, Attachment, ParentAttachment } from "#translate/gateway/attachment";
import { gatewayShapes } from "#translate/gateway/gateway-shape";
import type { GatewayShape } from "#translate/gateway/gateway-shape";
import { hostAttachments } from "#translate/gateway/host-attachments";
import { isHostname } from "#translate/gateway/hostnames";
import { compiledRoutes, parentGateway } from "#translate/gateway/http-route/compiled-route";
import type { CompiledRoute } from "#translate/gateway/http-route/compiled-route";
import { hostKey } from "#translate/gateway/listener-names";
import { emitCluster } from "#translate/shared/services";

/** Routes that are attached to a listener, by their kind and key. Bucket: see `attachedRoutesKey`. */
export const attachedRoutes = family<string>("attached-route");

/** The bucket of a listener's routes. */
export function attachedRoutesKey(gatewayKey: string, listenerName: string): string {
  return `${gatewayKey}/${listenerName}`;
}

/** Attaches each HTTPRoute to listeners, host by host, and says in its status where that worked. */
export function attachHttpRoutes(settings: Settings): Rule {
  return {
    name: "attach-http-route",
    over: compiledRoutes,
    derive(bucket, read, emit) {
      const [route, compiled] = [read.one(httpRoutes, bucket), read.one(compiledRoutes, bucket)];
      if (route === undefined || compiled === undefined) return;
      const attaching = attachingRoute(route);
      const placed = new Set<string>();
      const parents = (route.spec.parentRefs ?? []).flatMap((parent) => {
        const key = parentGateway(read, attaching.namespace, parent);
        const shape = key === undefined ? undefined : read.one(gatewayShapes, key);
        if (key === undefined || shape === undefined) return [];
        const found = usable(attach(read, attaching, parent, shape), attaching, compiled, route);
        for (const attachment of found.attachments) place(emit, placed, bucket, key, shape, attachment);
        return [parentStatus(settings, parent, found, attaching, compiled)];
      });
      if (placed.size > 0) for (const cluster of compiled.clusters) emitCluster(emit, cluster);
      const { namespace, generation } = attaching;
      emit(statuses, `HTTPRoute/${bucket}`, { kind: "HTTPRoute", namespace, name: route.metadata.name, generation, status: { parents } });
    },
  };
}

function attachingRoute(route: HttpRoute): AttachingRoute {
  const { namespace = "", generation = 0 } = route.metadata;
  return { kind: "HTTPRoute", namespace, generation, ...(route.spec.hostnames === undefined ? {} : { hostnames: route.spec.hostnames }) };
}

/** A route that cannot be followed at all is attached nowhere. */
function usable(found: ParentAttachment, { generation }: AttachingRoute, compiled: CompiledRoute, route: HttpRoute): ParentAttachment {
  if (found.attachments.length === 0) return found;
  const bad = (route.spec.hostnames ?? []).find((host) => !isHostname(host));
  if (bad !== undefined) return { accepted: condition("Route", "Accepted", "False", "UnsupportedValue", `spec.hostnames: ${JSON.stringify(bad)} is not a host name; addresses are none, and a wildcard is the whole first label`, generation), attachments: [] };
  const [problem] = compiled.problems;
  if (!compiled.unusable || problem === undefined) return found;
  return { accepted: condition("Route", "Accepted", "False", problem.reason, problem.message, generation), attachments: [] };
}

function place(emit: Emit, placed: Set<string>, route: string, gatewayKey: string, shape: GatewayShape, { listener, hosts }: Attachment): void {
  const listenerKey = attachedRoutesKey(gatewayKey, listener.name);
  if (placed.has(listenerKey)) return;
  placed.add(listenerKey);
  emit(attachedRoutes, listenerKey, `HTTPRoute/${route}`);
  const { protocol, port, envoyListener } = listener;
  if (protocol === undefined) return;
  for (const host of hosts) if (ownsHost(shape, listener, host)) emit(hostAttachments, hostKey(envoyListener, host), { kind: "http-route", listener: envoyListener, host, protocol, port, route });
}

function parentStatus(settings: Settings, parent: ParentReference, found: ParentAttachment, { generation }: AttachingRoute, compiled: CompiledRoute): unknown {
  return { parentRef: parent, controllerName: settings.gatewayControllerName, conditions: [found.accepted, resolvedRefs(compiled, generation), ...partiallyInvalid(found, compiled, generation)] };
}

function resolvedRefs({ referenceProblems }: CompiledRoute, generation: number): Condition {
  const [first] = referenceProblems;
  if (first === undefined) return condition("Route", "ResolvedRefs", "True", "ResolvedRefs", "all references lead to a Service", generation);
  return condition("Route", "ResolvedRefs", "False", first.reason, [...new Set(referenceProblems.map(({ message }) => message))].join("; "), generation);
}

/** Set only while it is true, as the specification demands, with the message that it prescribes. */
function partiallyInvalid(found: ParentAttachment, { problems, unusable }: CompiledRoute, generation: number): readonly Condition[] {
  const [first] = problems;
  if (first === undefined || unusable || found.attachments.length === 0) return [];
  return [condition("Route", "PartiallyInvalid", "True", first.reason, `Dropped Rule: ${problems.map(({ message }) => message).join("; ")}`, generation)];
}
