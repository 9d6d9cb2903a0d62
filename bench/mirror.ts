import { textAt, textsAt } from "./wire.ts";
import type { XdsChange, XdsClient, XdsType } from "./xds-client.ts";

/** What one host must lead to before its configuration counts as complete. */
export interface ExpectedHost {
  readonly host: string;
  readonly tls: boolean;
  readonly addresses: readonly string[];
}

/** Keeps what an Envoy would hold, parsed just enough to tell whether it is complete. */
export interface Mirror {
  /** Hosts of which something is missing; empty means complete. Stops looking after `limit`. */
  missing(expected: readonly ExpectedHost[], limit?: number): readonly string[];
  count(type: XdsType): number;
  /** Whether the listeners themselves name this host (a filter chain of its own). */
  listenersName(host: string): boolean;
}

interface Scope {
  readonly hosts: readonly string[];
  readonly clusters: readonly string[];
}

/** Starts to keep what `client` receives. */
export function createMirror(client: XdsClient): Mirror {
  const scopes = new Map<string, Scope>();
  const endpoints = new Map<string, readonly string[]>();
  const held = new Map<XdsType, Map<string, Uint8Array>>();
  client.onChanges((changes) => {
    for (const change of changes) {
      keep(held, change);
      if (change.type === "srds" || change.type === "rds") keepParsed(scopes, change, parseScope);
      if (change.type === "eds") keepParsed(endpoints, change, parseAddresses);
    }
  });
  const of = (type: XdsType): ReadonlyMap<string, Uint8Array> => held.get(type) ?? new Map();
  return {
    missing: (expected, limit = 5) => findMissing({ scopes, endpoints, clusters: of("cds"), secrets: of("sds") }, expected, limit),
    count: (type) => of(type).size,
    listenersName: (host) => [...of("lds").values()].some((body) => Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes(host)),
  };
}

function keep(held: Map<XdsType, Map<string, Uint8Array>>, { type, name, body }: XdsChange): void {
  const all = held.get(type) ?? new Map<string, Uint8Array>();
  held.set(type, all);
  if (body === undefined) all.delete(name);
  else all.set(name, body);
}

function keepParsed<T>(into: Map<string, T>, { type, name, body }: XdsChange, parse: (body: Uint8Array, type: XdsType) => T): void {
  if (body === undefined) into.delete(name);
  else into.set(name, parse(body, type));
}

// ScopedRouteConfiguration: route_configuration (5). RouteConfiguration: virtual_hosts (2) {domains (2), routes (3) route (2) cluster (1)}.
function parseScope(body: Uint8Array, type: XdsType): Scope {
  const outer = type === "srds" ? [5, 2] : [2];
  return { hosts: textsAt(body, [...outer, 2]), clusters: textsAt(body, [...outer, 3, 2, 1]) };
}

// ClusterLoadAssignment: endpoints (2) lb_endpoints (2) endpoint (1) address (1) socket_address (1) address (2).
function parseAddresses(body: Uint8Array): readonly string[] {
  return textsAt(body, [2, 2, 1, 1, 1, 2]);
}

interface Held {
  readonly scopes: ReadonlyMap<string, Scope>;
  readonly endpoints: ReadonlyMap<string, readonly string[]>;
  readonly clusters: ReadonlyMap<string, Uint8Array>;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
}

function findMissing(held: Held, expected: readonly ExpectedHost[], limit: number): readonly string[] {
  const byHost = clustersByHost(held.scopes);
  const missing: string[] = [];
  for (const wanted of expected) {
    const because = whatIsMissing(held, byHost.get(wanted.host), wanted);
    if (because !== undefined) missing.push(`${wanted.host}: ${because}`);
    if (missing.length >= limit) break;
  }
  return missing;
}

function clustersByHost(scopes: ReadonlyMap<string, Scope>): ReadonlyMap<string, ReadonlySet<string>> {
  const byHost = new Map<string, Set<string>>();
  for (const { hosts, clusters } of scopes.values()) {
    for (const host of hosts) byHost.set(host, new Set([...(byHost.get(host) ?? []), ...clusters]));
  }
  return byHost;
}

function whatIsMissing(held: Held, clusters: ReadonlySet<string> | undefined, wanted: ExpectedHost): string | undefined {
  if (clusters === undefined || clusters.size === 0) return "no route";
  for (const name of clusters) {
    const cluster = held.clusters.get(name);
    if (cluster === undefined) return `no cluster ${name}`;
    const addresses = held.endpoints.get(textAt(cluster, [3, 2]) || name);
    if (!wanted.addresses.every((address) => addresses?.includes(address))) return `endpoints of ${name}`;
  }
  return wanted.tls && held.secrets.size === 0 ? "no certificate" : undefined;
}
