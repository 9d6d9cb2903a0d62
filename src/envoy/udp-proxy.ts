import { accessLog } from "#envoy/access-log";
import { extension, typedConfig } from "#envoy/any";
import { ListenerFilter } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { Route } from "#gen/envoy/envoy/extensions/filters/udp/udp_proxy/v3/route";
import { UdpProxyConfig } from "#gen/envoy/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy";
import type { ClusterName } from "#model/cluster";
import type { EnvoySettings } from "#settings/envoy";

/** Sends the datagrams of a listener to a cluster. */
export function udpProxy(statPrefix: string, cluster: ClusterName, settings: EnvoySettings): ListenerFilter {
  const action = extension("route", Route, { cluster });
  const matcher = { onNoMatch: { onMatch: { $case: "action" as const, value: action } } };
  return ListenerFilter.fromPartial({ name: "envoy.filters.udp_listener.udp_proxy", configType: typedConfig(UdpProxyConfig, { statPrefix, routeSpecifier: { $case: "matcher", value: matcher }, accessLog: accessLog(settings) }) });
}
