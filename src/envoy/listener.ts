import { withListenerLog } from "#envoy/access-log";
import { socketAddress } from "#envoy/address";
import { encode, typedConfig } from "#envoy/any";
import { chainSettings } from "#envoy/chain-settings";
import { connectionManager } from "#envoy/connection-manager";
import { tlsFilterChains } from "#envoy/filter-chains";
import type { ListenerTls } from "#envoy/filter-chains";
import { socketOptions } from "#envoy/socket-options";
import { tcpFilters } from "#envoy/tcp-proxy";
import { udpProxy } from "#envoy/udp-proxy";
import { Listener as EnvoyListener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { FilterChain, ListenerFilter } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { ProxyProtocol } from "#gen/envoy/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol";
import { TlsInspector } from "#gen/envoy/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector";
import { compareText } from "#lib/compare";
import { unresolvedCluster } from "#model/route";
import type { Guard, Listener, TlsHost } from "#model/listener";
import type { EnvoySettings } from "#settings/envoy";

/** Encodes a listener. `guards` are those of hosts without TLS. The order of hosts and `guards` does not matter. */
export function buildListener(listener: Listener, tls: ListenerTls, guards: readonly Guard[], all: EnvoySettings): Uint8Array {
  const settings = withListenerLog(all, listener.protocol);
  if (listener.protocol === "udp") return buildUdpListener(listener, tls.hosts, settings);
  const { exactConnectionBalance, perConnectionBufferLimitBytes, maxConnectionsToAcceptPerSocketEvent } = settings;
  return encode(EnvoyListener, {
    name: listener.name,
    address: socketAddress(listener.address, listener.port),
    listenerFilters: listenerFilters(listener, settings),
    filterChains: filterChains(listener, tls, guards, settings),
    socketOptions: socketOptions(listener.address, settings),
    perConnectionBufferLimitBytes,
    maxConnectionsToAcceptPerSocketEvent,
    ...(exactConnectionBalance ? { connectionBalanceConfig: { balanceType: { $case: "exactBalance", value: {} } } } : {}),
  });
}

function listenerFilters({ protocol, proxyProtocol }: Listener, { fingerprints }: EnvoySettings): ListenerFilter[] {
  const proxy = proxyProtocol ? [ListenerFilter.fromPartial({ name: "envoy.filters.listener.proxy_protocol", configType: typedConfig(ProxyProtocol, {}) })] : [];
  if (protocol === "http" || protocol === "tcp") return proxy;
  const { ja3: enableJa3Fingerprinting, ja4: enableJa4Fingerprinting } = fingerprints;
  const inspector = { ...(enableJa3Fingerprinting ? { enableJa3Fingerprinting } : {}), ...(enableJa4Fingerprinting ? { enableJa4Fingerprinting } : {}) };
  return [...proxy, ListenerFilter.fromPartial({ name: "envoy.filters.listener.tls_inspector", configType: typedConfig(TlsInspector, inspector) })];
}

function filterChains(listener: Listener, tls: ListenerTls, guards: readonly Guard[], settings: EnvoySettings): FilterChain[] {
  switch (listener.protocol) {
    case "http":
      return [FilterChain.fromPartial({ filters: [connectionManager({ statPrefix: listener.name, scope: { listener: listener.name }, chain: chainSettings(listener, guards, true) }, settings)] })];
    case "tcp":
    case "udp":
      return orClosed(plainTcpChain(listener, tls.hosts, settings));
    case "https":
      return orClosed(tlsFilterChains(listener, tls, settings));
  }
}

/** Envoy refuses a listener without chains; one without filters closes each connection. */
function orClosed(chains: FilterChain[]): FilterChain[] {
  return chains.length > 0 ? chains : [FilterChain.fromPartial({ name: "closed" })];
}

/** Nothing tells plain TCP connections apart, so all of them go one way. */
function plainTcpChain(listener: Listener, tlsHosts: readonly TlsHost[], settings: EnvoySettings): FilterChain[] {
  const first = plainHost(tlsHosts);
  return first === undefined ? [] : [FilterChain.fromPartial({ filters: tcpFilters(listener.name, first.proxy, settings) })];
}

function plainHost(tlsHosts: readonly TlsHost[]): Extract<TlsHost, { readonly kind: "passthrough" }> | undefined {
  return tlsHosts.filter((entry) => entry.kind === "passthrough").toSorted((a, b) => compareText(a.host, b.host))[0];
}

/** Datagrams of one client address and port go to one endpoint for as long as they come. Without a route they go nowhere. */
function buildUdpListener(listener: Listener, tlsHosts: readonly TlsHost[], settings: EnvoySettings): Uint8Array {
  const proxy = plainHost(tlsHosts)?.proxy;
  return encode(EnvoyListener, {
    name: listener.name,
    address: socketAddress(listener.address, listener.port, "udp"),
    udpListenerConfig: { downstreamSocketConfig: { preferGro: false } },
    listenerFilters: [udpProxy(listener.name, proxy?.targets[0]?.cluster ?? unresolvedCluster, settings)],
    socketOptions: socketOptions(listener.address, settings, "udp"),
  });
}
