import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Reader } from "#store/family";
import { family } from "#store/family";
import { objectKey } from "#translate/facts";
import { allowsNamespace } from "#translate/gateway/allowed-routes";
import { gatewayGroup, listenerSets } from "#translate/gateway/api";
import type { ParentReference } from "#translate/gateway/api";
import { gatewayShapes, servesTraffic } from "#translate/gateway/gateway-shape";
import type { GatewayShape } from "#translate/gateway/gateway-shape";
import { coversHost, effectiveHosts, hostSpecificity } from "#translate/gateway/hostnames";
import type { ListenerOwner, ListenerShape } from "#translate/gateway/listener-shape";
import { ourListenerSets } from "#translate/gateway/listener-set";

/** Routes that are attached to a listener, by their kind and key. Bucket: the key of the listener. */
export const attachedRoutes = family<string>("attached-route");

/** What of a route decides where it attaches. */
export interface AttachingRoute {
  readonly kind: string;
  readonly namespace: string;
  readonly generation: number;
  readonly hostnames?: readonly string[];
}

/** What a parent reference leads to: a Gateway of ours, by itself or through a ListenerSet. */
export interface RouteParent {
  readonly gateway: string;
  readonly shape: GatewayShape;
  readonly owner: ListenerOwner;
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

/** The Gateway of ours that a reference leads to, by its key. */
export function parentGateway(read: Reader, namespace: string, parent: ParentReference): string | undefined {
  const { group = gatewayGroup, kind = "Gateway" } = parent;
  if (group !== gatewayGroup || (kind !== "Gateway" && kind !== "ListenerSet")) return undefined;
  const key = objectKey(parent.namespace ?? namespace, parent.name);
  const gateway = kind === "Gateway" ? key : read.one(ourListenerSets, key)?.gateway;
  return gateway !== undefined && read.any(gatewayShapes, gateway) ? gateway : undefined;
}

/** Follows a parent reference of a route in a namespace. */
export function routeParent(read: Reader, namespace: string, parent: ParentReference): RouteParent | undefined {
  const gateway = parentGateway(read, namespace, parent);
  const shape = gateway === undefined ? undefined : read.one(gatewayShapes, gateway);
  if (gateway === undefined || shape === undefined) return undefined;
  const kind = parent.kind === "ListenerSet" ? "ListenerSet" : "Gateway";
  return { gateway, shape, owner: { kind, namespace: parent.namespace ?? namespace, name: parent.name } };
}

/** Finds the listeners that a parent reference of a route attaches to. */
export function attach(read: Reader, route: AttachingRoute, parent: ParentReference, { shape, owner }: RouteParent): ParentAttachment {
  const owned = shape.listeners.filter((listener) => listener.owner.kind === owner.kind && listener.owner.namespace === owner.namespace && listener.owner.name === owner.name);
  const named = owned.filter((listener) => (parent.sectionName === undefined || parent.sectionName === listener.name) && (parent.port === undefined || parent.port === listener.port));
  if (named.length === 0) return refuse(route, "NoMatchingParent", noListener(read, owner, owned.length > 0, parent));
  const allowed = named.filter((listener) => listener.kinds.supported.includes(route.kind) && allowsNamespace(read, listener.namespaces, owner.namespace, route.namespace));
  if (allowed.length === 0) return refuse(route, "NotAllowedByListeners", `no listener of the ${owner.kind} lets a ${route.kind} of namespace ${JSON.stringify(route.namespace)} attach; see allowedRoutes of the listeners`);
  const attachments = allowed.map((listener) => ({ listener, hosts: effectiveHosts(listener.host, route.hostnames) })).filter(({ hosts }) => hosts.length > 0);
  if (attachments.length === 0) return refuse(route, "NoMatchingListenerHostname", `none of the hostnames of the route is one of the listeners' (${allowed.map(({ host }) => host).join(", ")})`);
  return { accepted: condition("Route", "Accepted", "True", "Accepted", "the route is attached", route.generation), attachments };
}

function noListener(read: Reader, owner: ListenerOwner, any: boolean, { sectionName, port }: ParentReference): string {
  if (!any && owner.kind === "ListenerSet" && read.any(listenerSets, objectKey(owner.namespace, owner.name))) return "the Gateway of the ListenerSet does not let it in; see spec.allowedListeners of the Gateway";
  const name = sectionName === undefined ? [] : [`named ${JSON.stringify(sectionName)}`];
  return `the ${owner.kind} has no listener ${[...name, ...(port === undefined ? [] : [`on port ${port}`])].join(" ")}`;
}

function refuse(route: AttachingRoute, reason: "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname", message: string): ParentAttachment {
  return { accepted: condition("Route", "Accepted", "False", reason, message, route.generation), attachments: [] };
}

/** Whether what is for a host belongs to a listener: the most specific one of its Gateway's that covers the host. */
export function ownsHost(shape: GatewayShape, listener: ListenerShape, host: string): boolean {
  if (!servesTraffic(shape, listener)) return false;
  const rivals = shape.listeners.filter((other) => other.envoyListener === listener.envoyListener && coversHost(other.host, host) && servesTraffic(shape, other));
  return rivals.every((other) => hostSpecificity(other.host) <= hostSpecificity(listener.host));
}
