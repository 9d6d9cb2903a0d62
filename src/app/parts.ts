import { createHash } from "node:crypto";
import type { HiddenForm } from "#app/isolation";
import { allTlsHosts, listenerTls } from "#app/tls-shape";
import { decodeChains, decodeRoutes } from "#envoy/served-parts";
import { hostsListenerName } from "#envoy/names";
import { guardId } from "#model/listener";
import type { Guard, TlsHost } from "#model/listener";
import type { Origin } from "#model/origin";
import type { Route, VirtualHost } from "#model/route";
import type { Graph } from "#store/graph";
import { family } from "#store/family";
import type { Reader } from "#store/family";
import { sharedGuards, virtualHosts, wildcardHosts } from "#translate/facts";
import { listenerType, scopeType } from "#xds/types";
import type { TypeUrl } from "#xds/types";

/** A part of a resource that several objects, or fields, share: Envoy refuses the resource as a whole. */
export interface Part {
  /** Equal for equal contents only. */
  readonly key: string;
  readonly origins: readonly Origin[];
}

/** Parts that are kept from Envoy. One item per bucket: `type name` of the resource. */
export const hiddenParts = family<ReadonlyMap<string, HiddenForm>>("hidden-parts", (a, b) => a === b);

/** The bucket of a resource in `hiddenParts`. */
export function resourceKey(type: TypeUrl, name: string): string {
  return `${type} ${name}`;
}

function fingerprint(kind: string, value: unknown): string {
  return `${kind} ${createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 24)}`;
}

/** Without the origin: a route that moves in its object is still the same to Envoy. */
function routeKey(host: string, { origin: _origin, ...route }: Route): string {
  return fingerprint(`route of ${host}`, route);
}

function hostKey({ routes: _routes, origins: _origins, ...policies }: VirtualHost): string {
  return fingerprint("host", policies);
}

/** The parts that a resource is made of now; none where it is all of one piece. */
export function partsOf(graph: Graph, type: TypeUrl, resource: string): readonly Part[] {
  const name = type === listenerType ? hostsListenerName(resource) : resource;
  if (type === scopeType) return hostsOf(graph, name).flatMap((host) => [{ key: hostKey(host), origins: host.origins }, ...host.routes.map((route) => ({ key: routeKey(host.host, route), origins: [route.origin] }))]);
  if (type !== listenerType) return [];
  const guards = graph.items(sharedGuards, name).map((guard) => ({ key: guardKey(guard), origins: originsOfGuard(graph, name, guardId(guard)) }));
  return [...namedHostsOf(graph, resource).map((host) => ({ key: fingerprint("tls", host), origins: [host.origin] })), ...guards];
}

/** The TLS hosts that the filter chains of a listener name, for TCP or for QUIC. */
function namedHostsOf(graph: Graph, resource: string): readonly TlsHost[] {
  const listener = hostsListenerName(resource);
  const read: Pick<Reader, "all"> = { all: (family, bucket) => graph.items(family, bucket) };
  return listener === resource ? listenerTls(read, listener).hosts : allTlsHosts(read, listener);
}

/** The virtual hosts of a scope: one, or all wildcard hosts of a listener. */
function hostsOf(graph: Graph, scope: string): readonly VirtualHost[] {
  const exact = graph.items(virtualHosts, scope);
  return exact.length > 0 ? exact : graph.items(wildcardHosts, scope.replace(/\|\*$/, ""));
}

function guardKey(guard: Guard): string {
  return `guard ${guardId(guard)}`;
}

/** A guard belongs to all hosts that need it. */
function originsOfGuard(graph: Graph, listener: string, id: string): readonly Origin[] {
  const field = id.startsWith("jwt/") ? "spec.virtualhost.jwtProviders" : "spec.virtualhost.authorization";
  const exact = [...graph.buckets(virtualHosts)].flatMap(([bucket, hosts]) => (bucket.startsWith(`${listener}|`) ? hosts : []));
  const needing = [...exact, ...graph.items(wildcardHosts, listener)].filter(({ guards = [] }) => guards.includes(id));
  return needing.flatMap(({ origins }) => origins).filter(({ kind }) => kind === "HTTPProxy").map((origin) => ({ ...origin, field }));
}

/** The parts that Envoy did not have in the last version that it took; all of them when it never took one. */
export function suspects(graph: Graph, type: TypeUrl, resource: string, hidden: ReadonlyMap<string, HiddenForm>, refused: Uint8Array | undefined, good: Uint8Array | undefined): readonly string[] {
  const name = type === listenerType ? hostsListenerName(resource) : resource;
  const keys = partsOf(graph, type, resource).map(({ key }) => key);
  if (good === undefined || refused === undefined || keys.length === 0) return keys;
  if (type === scopeType) return changedInScope(hostsOf(graph, name).map((host) => withoutHidden(host, hidden)), refused, good).filter((key) => keys.includes(key));
  const [before, now] = [decodeChains(good), decodeChains(refused)];
  const fresh = new Set([...now].flatMap(([host, chain]) => (before.get(host) === chain ? [] : [host])));
  const hosts = namedHostsOf(graph, resource).filter((host) => fresh.has(host.kind === "fallback" || host.host === "*" ? "" : host.host));
  const text = Buffer.from(good);
  const guards = graph.items(sharedGuards, name).filter((guard) => !text.includes(guardId(guard)));
  return [...hosts.map((host) => fingerprint("tls", host)), ...guards.map(guardKey)];
}

function changedInScope(hosts: readonly VirtualHost[], refused: Uint8Array, good: Uint8Array): readonly string[] {
  const [before, now] = [decodeRoutes(good), decodeRoutes(refused)];
  return hosts.flatMap((host) => {
    const [old, fresh] = [before.get(host.host), now.get(host.host)];
    const known = new Set(old?.routes);
    const routes = host.routes.filter((_, i) => !known.has(fresh?.routes[i] ?? ""));
    return [...(old !== undefined && old.policies === fresh?.policies ? [] : [hostKey(host)]), ...routes.map((route) => routeKey(host.host, route))];
  });
}

/** A host without what is hidden: an error in its place, or nothing. */
export function withoutHidden(host: VirtualHost, hidden: ReadonlyMap<string, HiddenForm> | undefined): VirtualHost {
  if (hidden === undefined || hidden.size === 0) return host;
  if (hidden.has(hostKey(host))) return closedHost(host);
  const routes = host.routes.flatMap((route): readonly Route[] => {
    const form = hidden.get(routeKey(host.host, route));
    if (form === undefined) return [route];
    return form === "drop" ? [] : [{ match: route.match, priority: route.priority, origin: route.origin, action: { kind: "direct-response", status: 503 }, policies: {} }];
  });
  return { ...host, routes };
}

/** What keeps strangers out cannot be said to Envoy, so nobody gets in. */
function closedHost({ listener, host, wildcard, requireSni, origins }: VirtualHost): VirtualHost {
  const origin = origins[0] ?? { kind: "", namespace: "", name: "" };
  return { listener, host, wildcard, requireSni, origins, routes: [{ match: { path: { kind: "prefix", path: "/", by: "string" }, headers: [], queryParameters: [] }, priority: 0, action: { kind: "direct-response", status: 503 }, policies: {}, origin }] };
}

/** Hosts with TLS and guards without what is hidden. Hosts that need a hidden guard let nobody in: see `VirtualHost.guards`. */
export function withoutHiddenTls(hosts: readonly TlsHost[], guards: readonly Guard[], hidden: ReadonlyMap<string, HiddenForm> | undefined): { readonly hosts: readonly TlsHost[]; readonly guards: readonly Guard[] } {
  if (hidden === undefined || hidden.size === 0) return { hosts, guards };
  return { hosts: hosts.filter((host) => !hidden.has(fingerprint("tls", host))), guards: guards.filter((guard) => !hidden.has(guardKey(guard))) };
}
