import { withListenerLog } from "#envoy/access-log";
import { socketAddress } from "#envoy/address";
import { encode } from "#envoy/any";
import { misdirectedManager } from "#envoy/connection-manager";
import { downstreamQuic } from "#envoy/downstream-tls";
import { groupHosts, httpChoice, sharedManagers, speaksHttp3 } from "#envoy/filter-chains";
import type { HttpHost, Manager, ServedHost } from "#envoy/filter-chains";
import { quicListenerName } from "#envoy/names";
import { socketOptions } from "#envoy/socket-options";
import { Listener as EnvoyListener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { FilterChain } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { compareText } from "#lib/compare";
import type { Listener, TlsHost } from "#model/listener";
import type { EnvoySettings } from "#settings/envoy";

/**
 * Encodes the UDP listener that takes HTTP/3 beside a listener with TLS; undefined where none of its hosts can be asked so.
 * `shown` are those of its hosts that Envoy shall have here.
 */
export function buildQuicListener(listener: Listener, all: readonly TlsHost[], shown: readonly TlsHost[], unlogged: EnvoySettings): Uint8Array | undefined {
  const settings = withListenerLog(unlogged, listener.protocol);
  const chains = quicChains(listener, shown.filter(isServed).filter(speaksHttp3), settings);
  if (chains.length === 0) return undefined;
  return encode(EnvoyListener, {
    name: quicListenerName(listener.name),
    address: socketAddress(listener.address, listener.port, "udp"),
    udpListenerConfig: { quicOptions: {} },
    filterChains: [...chains, ...misdirectedChains(listener, chains, all.filter(isServed), settings)],
    socketOptions: socketOptions(listener.address, settings, "udp"),
    perConnectionBufferLimitBytes: settings.perConnectionBufferLimitBytes,
  });
}

function isServed(host: TlsHost): host is ServedHost {
  return host.kind !== "tls-alpn-challenge";
}

/** As over TCP: the same hosts share a chain, with the same guards, and find their routes under the same names. */
function quicChains(listener: Listener, hosts: readonly HttpHost[], settings: EnvoySettings): readonly FilterChain[] {
  const manager: Manager = sharedManagers(settings);
  return groupHosts(hosts).flatMap(({ example, hosts: names }) => {
    if (!speaksHttp3(example)) return [];
    const filters = [manager({ ...httpChoice(listener, example, names), carrier: "quic" })];
    return [chain(names[0] ?? (example.kind === "fallback" ? "fallback-certificate" : "*"), names, { filters, transportSocket: downstreamQuic(example.tls) })];
  });
}

function chain(name: string, hosts: readonly string[], parts: Pick<Partial<FilterChain>, "filters" | "transportSocket">): FilterChain {
  return FilterChain.fromPartial({ name, filterChainMatch: { serverNames: [...hosts], transportProtocol: "quic" }, ...parts });
}

/**
 * Hosts that cannot be asked by HTTP/3 (client certificates, passthrough) are under no name of another host either: the chain of a
 * wildcard, or of all names, would take their connections without their checks.
 */
function misdirectedChains(listener: Listener, chains: readonly FilterChain[], all: readonly ServedHost[], settings: EnvoySettings): readonly FilterChain[] {
  const taken = new Map(chains.flatMap((one) => namesOf(one).map((name) => [name, one] as const)));
  const forAll = chains.find((one) => namesOf(one).length === 0);
  const left = [...new Set(all.flatMap((host) => (host.kind === "fallback" || host.host === "*" || taken.has(host.host) ? [] : [host.host])))].toSorted(compareText);
  const covered = Map.groupBy(left, (host) => wildcardsOver(host).flatMap((wildcard) => taken.get(wildcard) ?? [])[0] ?? forAll);
  const filters = [misdirectedManager(listener.name, settings)];
  return [...covered].flatMap(([covering, names]) => (covering === undefined ? [] : [chain(`not over QUIC: ${names[0] ?? ""}`, names, { filters, transportSocket: covering.transportSocket })]));
}

function namesOf({ filterChainMatch }: FilterChain): readonly string[] {
  return filterChainMatch?.serverNames ?? [];
}

function wildcardsOver(host: string): readonly string[] {
  return host.replace(/^\*\./, "").split(".").slice(1).map((_, i, parents) => `*.${parents.slice(i).join(".")}`);
}
