import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Reader } from "#store/family";
import { allowsNamespace } from "#translate/gateway/allowed-routes";
import type { ParentReference } from "#translate/gateway/api";
import { servesRequests } from "#translate/gateway/gateway-shape";
import type { GatewayShape, ListenerShape } from "#translate/gateway/gateway-shape";
import { coversHost, effectiveHosts, hostSpecificity } from "#translate/gateway/hostnames";

/** What of a route decides where it attaches. */
export interface AttachingRoute {
  readonly kind: string;
  readonly namespace: string;
  readonly generation: number;
  readonly hostnames?: readonly string[];
}

/** One listener that a route is attached to, and the hosts that it serves there. */
export interface Attachment {
  readonly listener: ListenerShape;
  readonly hosts: readonly string[];
}

/** Where one parent reference leads: listeners, or none with the reason in `accepted`. */
export interface ParentAttachment {
  readonly accepted: Condition;
  readonly attachments: readonly Attachment[];
}

/** Finds the listeners of a Gateway that a parent reference of a route attaches to. */
export function attach(read: Reader, route: AttachingRoute, parent: ParentReference, shape: GatewayShape): ParentAttachment {
  const named = shape.listeners.filter((listener) => (parent.sectionName === undefined || parent.sectionName === listener.name) && (parent.port === undefined || parent.port === listener.port));
  if (named.length === 0) return refuse(route, "NoMatchingParent", `the Gateway has no listener ${describe(parent)}`);
  const allowed = named.filter((listener) => listener.kinds.supported.includes(route.kind) && allowsNamespace(read, listener.namespaces, shape.namespace, route.namespace));
  if (allowed.length === 0) return refuse(route, "NotAllowedByListeners", `no listener of the Gateway lets a ${route.kind} of namespace ${JSON.stringify(route.namespace)} attach; see allowedRoutes of the listeners`);
  const attachments = allowed.map((listener) => ({ listener, hosts: effectiveHosts(listener.host, route.hostnames) })).filter(({ hosts }) => hosts.length > 0);
  if (attachments.length === 0) return refuse(route, "NoMatchingListenerHostname", `none of the hostnames of the route is one of the listeners' (${allowed.map(({ host }) => host).join(", ")})`);
  return { accepted: condition("Route", "Accepted", "True", "Accepted", "the route is attached", route.generation), attachments };
}

function describe({ sectionName, port }: ParentReference): string {
  const name = sectionName === undefined ? [] : [`named ${JSON.stringify(sectionName)}`];
  return [...name, ...(port === undefined ? [] : [`on port ${port}`])].join(" ");
}

function refuse(route: AttachingRoute, reason: "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname", message: string): ParentAttachment {
  return { accepted: condition("Route", "Accepted", "False", reason, message, route.generation), attachments: [] };
}

/** Whether requests for a host belong to a listener: the most specific one of its Gateway's that covers the host. */
export function ownsHost(shape: GatewayShape, listener: ListenerShape, host: string): boolean {
  if (!servesRequests(shape, listener)) return false;
  const rivals = shape.listeners.filter((other) => other.envoyListener === listener.envoyListener && servesRequests(shape, other) && coversHost(other.host, host));
  return rivals.every((other) => hostSpecificity(other.host) <= hostSpecificity(listener.host));
}
