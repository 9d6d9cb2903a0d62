import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Reader } from "#store/family";
import { family } from "#store/family";
import { objectKey } from "#translate/facts";
import { allowsNamespace } from "#translate/gateway/allowed-routes";
import { gatewayGroup, listenerSets } from "#translate/gateway/api";
import type { ParentReference } from "#translate/gateway/api";
import { listenerHostKey, listenerHosts, offeredListeners } from "#translate/gateway/gateway-shape";
import type { OfferedListener } from "#translate/gateway/gateway-shape";
import { coversOf, effectiveHosts } from "#translate/gateway/hostnames";
import { ownerKey } from "#translate/gateway/listener-shape";
import type { ListenerOwner, ListenerShape } from "#translate/gateway/listener-shape";
import { ourListenerSets } from "#translate/gateway/listener-set";
import { gatewaySites } from "#translate/gateway/site";
import type { GatewaySite } from "#translate/gateway/site";

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
  /** `namespace/name`. */
  readonly gateway: string;
  readonly site: GatewaySite;
  readonly owner: ListenerOwner;
  /** Those of the owner. */
  readonly listeners: readonly OfferedListener[];
}

/** One listener that a route is attached to, and the hosts that it serves there. */
export interface Attachment {
  readonly listener: ListenerShape;
  /** Whether anything can come in through the listener. */
  readonly serves: boolean;
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
  return gateway !== undefined && read.any(gatewaySites, gateway) ? gateway : undefined;
}

/** Follows a parent reference of a route in a namespace. */
export function routeParent(read: Reader, namespace: string, parent: ParentReference): RouteParent | undefined {
  const gateway = parentGateway(read, namespace, parent);
  const site = gateway === undefined ? undefined : read.one(gatewaySites, gateway);
  if (gateway === undefined || site === undefined) return undefined;
  const kind = parent.kind === "ListenerSet" ? "ListenerSet" : "Gateway";
  const owner: ListenerOwner = { kind, namespace: parent.namespace ?? namespace, name: parent.name };
  return { gateway, site, owner, listeners: read.all(offeredListeners, ownerKey(owner)).toSorted((a, b) => a.shape.position - b.shape.position) };
}

/** Finds the listeners that a parent reference of a route attaches to. */
export function attach(read: Reader, route: AttachingRoute, parent: ParentReference, { listeners, owner }: RouteParent): ParentAttachment {
  const named = listeners.filter(({ shape }) => (parent.sectionName === undefined || parent.sectionName === shape.name) && (parent.port === undefined || parent.port === shape.port));
  if (named.length === 0) return refuse(route, "NoMatchingParent", noListener(read, owner, listeners.length > 0, parent));
  const allowed = named.filter(({ shape: listener }) => listener.kinds.supported.includes(route.kind) && allowsNamespace(read, listener.namespaces, owner.namespace, route.namespace));
  if (allowed.length === 0) return refuse(route, "NotAllowedByListeners", `no listener of the ${owner.kind} lets a ${route.kind} of namespace ${JSON.stringify(route.namespace)} attach; see allowedRoutes of the listeners`);
  const attachments = allowed.map(({ shape, serves }) => ({ listener: shape, serves, hosts: effectiveHosts(shape.host, route.hostnames) })).filter(({ hosts }) => hosts.length > 0);
  if (attachments.length === 0) return refuse(route, "NoMatchingListenerHostname", `none of the hostnames of the route is one of the listeners' (${allowed.map(({ shape }) => shape.host).join(", ")})`);
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
export function ownsHost(read: Reader, { gateway }: RouteParent, { listener, serves }: Attachment, host: string): boolean {
  if (!serves) return false;
  const covers = [host, ...coversOf(host)];
  return !covers.slice(0, covers.indexOf(listener.host)).some((closer) => read.any(listenerHosts, listenerHostKey(gateway, listener.envoyListener, closer)));
}
