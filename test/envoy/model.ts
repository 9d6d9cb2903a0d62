import type { Cluster, Endpoints } from "#model/cluster";
import type { Listener, TlsHost, TlsTermination } from "#model/listener";
import type { Origin } from "#model/origin";
import type { ForwardAction, Route, RouteMatch, VirtualHost } from "#model/route";

/** Where everything in these tests comes from. */
export const origin: Origin = { kind: "HTTPProxy", namespace: "shop", name: "web" };

/** A listener on loopback. */
export function listener(name: string, protocol: Listener["protocol"], port: number, more: Partial<Listener> = {}): Listener {
  return { name, protocol, address: "127.0.0.1", port, proxyProtocol: false, ...more };
}

/** A cluster for one Service. */
export function cluster(name: string, more: Partial<Cluster> = {}): Cluster {
  return { name, statName: name, source: { kind: "endpoints", endpoints: name }, protocol: "http1", loadBalancing: "round-robin", connectTimeoutMs: 2000, circuitBreakers: {}, origin, ...more };
}

/** The one address of a Service. */
export function endpoints(name: string, port: number): Endpoints {
  return { name, endpoints: [{ address: "127.0.0.1", port }] };
}

/** A match of a path prefix. */
export function prefix(path: string, more: Partial<RouteMatch> = {}): RouteMatch {
  return { path: { kind: "prefix", path, by: "string" }, headers: [], queryParameters: [], ...more };
}

/** Sends to one cluster. */
export function to(name: string, more: Partial<ForwardAction> = {}): ForwardAction {
  return { kind: "forward", targets: [{ cluster: name, weight: 1 }], mirrors: [], hashPolicies: [], websocket: false, ...more };
}

/** A route. */
export function route(match: RouteMatch, action: Route["action"], policies: Route["policies"] = {}): Route {
  return { match, action, policies, priority: 0, origin };
}

/** The routes of a host. */
export function host(listenerName: string, name: string, routes: readonly Route[], more: Partial<VirtualHost> = {}): VirtualHost {
  return { listener: listenerName, host: name, wildcard: "one-label", requireSni: false, routes, origins: [origin], ...more };
}

/** TLS with a certificate, ended here. */
export function termination(certificate: string, more: Partial<TlsTermination> = {}): TlsTermination {
  return { certificate, minimumVersion: "1.2", maximumVersion: "1.3", ...more };
}

/** A TLS host that carries HTTP. */
export function secureHost(listenerName: string, name: string, tls: TlsTermination): Extract<TlsHost, { kind: "http" }> {
  return { kind: "http", listener: listenerName, host: name, tls, filters: { guards: [] }, origin };
}
