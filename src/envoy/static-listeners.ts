import { socketAddress } from "#envoy/address";
import { encode, typedConfig } from "#envoy/any";
import { toDuration } from "#envoy/duration";
import { compressor } from "#envoy/filters/compressor";
import { plainChain } from "#envoy/filters/filter";
import { router } from "#envoy/filters/router";
import { headerMatcher } from "#envoy/match";
import { adminClusterName } from "#envoy/names";
import { metricsTransport } from "#envoy/metrics-tls";
import { socketOptions } from "#envoy/socket-options";
import type { TransportSocket } from "#gen/envoy/envoy/config/core/v3/base";
import { Listener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { Filter } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { Route } from "#gen/envoy/envoy/config/route/v3/route_components";
import { HttpConnectionManager } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { EnvoyAddress, EnvoySettings } from "#settings/envoy";

/** The name of the listener that serves `/ready` and the metrics. */
export const statsListenerName = "stats";
/** The name of the listener that serves `/ready` by itself. */
export const healthListenerName = "health";
/** The name of the listener whose `/ready` is for load balancers that shall leave an overloaded Envoy alone. */
export const overloadHealthListenerName = "health-om-enforced";
/** The name of the listener that serves the reading part of the admin interface on loopback. */
export const adminListenerName = "envoy-admin";

const readOnlyPaths = ["/certs", "/clusters", "/listeners", "/config_dump", "/memory", "/ready", "/runtime", "/server_info", "/stats", "/stats/prometheus", "/stats/recentlookups"];

/** Encodes the listener for readiness probes and Prometheus. */
export function buildStatsListener(settings: EnvoySettings): Uint8Array {
  const metrics = adminRoute({ $case: "prefix", value: "/stats" });
  if (settings.statsTls !== undefined) return adminProxy(statsListenerName, settings.stats, [metrics], settings, metricsTransport(settings.statsTls));
  return adminProxy(statsListenerName, settings.stats, [adminRoute({ $case: "path", value: "/ready" }), metrics], settings);
}

/** Encodes a listener for `/ready` alone. */
export function buildHealthListener(name: typeof healthListenerName | typeof overloadHealthListenerName, at: EnvoyAddress, settings: EnvoySettings): Uint8Array {
  return adminProxy(name, at, [adminRoute({ $case: "path", value: "/ready" })], settings);
}

/** Encodes the listener for people who debug: it is on loopback, and changes nothing. */
export function buildAdminListener(settings: EnvoySettings): Uint8Array {
  const routes = readOnlyPaths.map((path) => adminRoute({ $case: "path", value: path }));
  return adminProxy(adminListenerName, { address: "127.0.0.1", port: settings.adminPort }, routes, settings);
}

function adminRoute(pathSpecifier: NonNullable<NonNullable<Route["match"]>["pathSpecifier"]>): Route {
  const get = headerMatcher({ name: ":method", value: { kind: "exact", value: "GET", ignoreCase: false }, invert: false, treatMissingAsEmpty: false });
  return Route.fromPartial({ match: { pathSpecifier, headers: [get] }, action: { $case: "route", value: { clusterSpecifier: { $case: "cluster", value: adminClusterName } } } });
}

function adminProxy(name: string, { address, port }: EnvoyAddress, routes: readonly Route[], settings: EnvoySettings, transportSocket?: TransportSocket): Uint8Array {
  const config = {
    statPrefix: name,
    routeSpecifier: { $case: "routeConfig" as const, value: { virtualHosts: [{ name: "backend", domains: ["*"], routes: [...routes] }] } },
    httpFilters: [compressor, router].flatMap((filter) => filter.inListener?.(plainChain, settings) ?? []),
    normalizePath: true,
  };
  const manager = Filter.fromPartial({ name: "envoy.filters.network.http_connection_manager", configType: typedConfig(HttpConnectionManager, config) });
  // Probes and people get through when all connections are taken, but for the listener that is there to tell so.
  const ignoreGlobalConnLimit = name !== overloadHealthListenerName;
  return encode(Listener, { name, address: socketAddress(address, port), ignoreGlobalConnLimit, socketOptions: socketOptions(address, settings), filterChains: [{ filters: [manager], transportSocket, transportSocketConnectTimeout: toDuration(10_000) }] });
}
