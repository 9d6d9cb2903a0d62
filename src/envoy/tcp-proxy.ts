import { accessLog } from "#envoy/access-log";
import { typedConfig } from "#envoy/any";
import { toDuration } from "#envoy/duration";
import { addressRules } from "#envoy/filters/ip-filter";
import { Filter } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { RBAC as NetworkRbac } from "#gen/envoy/envoy/extensions/filters/network/rbac/v3/rbac";
import { TcpProxy as EnvoyTcpProxy } from "#gen/envoy/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import { Bug } from "#lib/bug";
import type { TcpProxy } from "#model/listener";
import type { ForwardTarget } from "#model/route";
import type { EnvoySettings } from "#settings/envoy";

/** Sends the bytes of a connection on, if its client's address may have it. Without targets the connection is closed. */
export function tcpFilters(statPrefix: string, proxy: TcpProxy, settings: EnvoySettings): Filter[] {
  if (proxy.targets.length === 0) return [];
  const guard = proxy.ipFilter === undefined ? [] : [Filter.fromPartial({ name: "envoy.filters.network.rbac", configType: typedConfig(NetworkRbac, { statPrefix, rules: addressRules(proxy.ipFilter) }) })];
  return [...guard, tcpProxy(statPrefix, proxy, settings)];
}

function tcpProxy(statPrefix: string, { targets, idleTimeoutMs }: TcpProxy, settings: EnvoySettings): Filter {
  const config = { statPrefix, clusterSpecifier: clusterSpecifier(targets), idleTimeout: toDuration(idleTimeoutMs), maxConnectAttempts: 1 + settings.connectionRetries, accessLog: accessLog(settings) };
  return Filter.fromPartial({ name: "envoy.filters.network.tcp_proxy", configType: typedConfig(EnvoyTcpProxy, config) });
}

function clusterSpecifier(targets: readonly ForwardTarget[]): NonNullable<EnvoyTcpProxy["clusterSpecifier"]> {
  const [only, ...others] = targets;
  if (only === undefined) throw new Bug("a TCP proxy without targets");
  if (others.length === 0) return { $case: "cluster", value: only.cluster };
  return { $case: "weightedClusters", value: { clusters: targets.map(({ cluster, weight }) => ({ name: cluster, weight, metadataMatch: undefined })) } };
}
