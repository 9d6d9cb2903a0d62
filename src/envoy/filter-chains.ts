import { chainSettings } from "#envoy/chain-settings";
import { connectionManager } from "#envoy/connection-manager";
import type { ConnectionManagerChoice } from "#envoy/connection-manager";
import { challengeChains } from "#envoy/challenge-chains";
import { downstreamTls, downstreamTlsOnDemand } from "#envoy/downstream-tls";
import { toDuration } from "#envoy/duration";
import { fallbackListenerName } from "#envoy/names";
import { tcpFilters } from "#envoy/tcp-proxy";
import { FilterChain } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import type { Filter } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { compareText } from "#lib/compare";
import { guardId } from "#model/listener";
import type { Listener, TlsHost, TlsTermination, TlsVersions } from "#model/listener";
import type { EnvoySettings } from "#settings/envoy";

/** A host that users are served at. */
export type ServedHost = Exclude<TlsHost, { readonly kind: "tls-alpn-challenge" }>;

/** Hosts whose connections are treated alike, in the order of their names. Only the fallback has none. */
export interface ChainGroup {
  readonly example: ServedHost;
  readonly hosts: readonly string[];
}

/** What the filter chains of a listener are made from. */
export interface ListenerTls {
  /** The hosts that chains name. */
  readonly hosts: readonly TlsHost[];
  /** The TLS versions of the chain for all others, whose certificates come on demand; absent where there are none. */
  readonly onDemand?: TlsVersions;
  /** Hosts that are not to be served, because Envoy refuses what they become: no other host's chain takes their connections. */
  readonly refused?: readonly TlsHost[];
}

/** The filter chains of a TLS listener: one per group of hosts with equal settings, in a fixed order, and one for hosts that are not named. */
export function tlsFilterChains(listener: Listener, { hosts: all, onDemand, refused = [] }: ListenerTls, settings: EnvoySettings): FilterChain[] {
  const tlsHosts = all.filter((entry) => entry.kind !== "tls-alpn-challenge");
  const manager = sharedManagers(settings);
  const served = groupHosts(tlsHosts).map((group) => buildChain(listener, group, settings, manager));
  const named = [...served, ...closedChain(served, refused)];
  const chains = onDemand === undefined ? named : [...named, onDemandChain(listener, onDemand, settings, manager)];
  return [...chains, ...challengeChains(chains, all)];
}

/** Without filters Envoy closes each connection. The chain of a wildcard would ask for no client certificates of such a host. */
function closedChain(chains: readonly FilterChain[], refused: readonly TlsHost[]): readonly FilterChain[] {
  const taken = new Set(chains.flatMap(({ filterChainMatch }) => filterChainMatch?.serverNames ?? []));
  const names = new Set(refused.flatMap((entry) => (entry.kind === "tls-alpn-challenge" ? [] : hostOf(entry))).filter((name) => name !== "" && !taken.has(name)));
  return names.size === 0 ? [] : [FilterChain.fromPartial({ name: "refused", filterChainMatch: { serverNames: [...names].toSorted(compareText), transportProtocol: "tls" } })];
}

/** How long a client may wait for a certificate that Envoy has to ask for. */
const certificatePatienceMs = 10_000;

/** Gives the connection manager for a choice. */
export type Manager = (choice: ConnectionManagerChoice) => Filter;

/** Chains with certificates of their own have the same filters: a connection manager is four kilobytes, and encoded once for a listener. */
export function sharedManagers(settings: EnvoySettings): Manager {
  const known = new Map<string, Filter>();
  return (choice) => {
    const key = JSON.stringify([choice.scope, choice.chain.shared, choice.chain.http3Port ?? null, choice.chain.guards.map(guardId), choice.forwardClientCertificate ?? null]);
    const filter = known.get(key) ?? connectionManager(choice, settings);
    known.set(key, filter);
    return filter;
  };
}

/** Envoy refuses a listener in which two chains match the same: so of each host, and of the fallback, only the first counts. */
export function groupHosts(tlsHosts: readonly ServedHost[]): readonly ChainGroup[] {
  const keyed = tlsHosts.map((entry) => ({ entry, host: hostOf(entry), key: JSON.stringify(settingsOf(entry)) })).toSorted((a, b) => compareText(a.host, b.host) || compareText(a.key, b.key));
  const unique = new Map(keyed.toReversed().map((item) => [item.host, item]));
  const groups = Map.groupBy([...unique.values()].toReversed(), ({ host, key }) => `${host === "" ? "any" : "named"} ${key}`);
  return [...groups.values()].flatMap(([first, ...rest]) => (first === undefined ? [] : [{ example: first.entry, hosts: first.host === "" ? [] : [first.host, ...rest.map(({ host }) => host)] }]));
}

/** What connections are told apart by; empty for all that no other chain takes. */
function hostOf(entry: ServedHost): string {
  return entry.kind === "fallback" || entry.host === "*" ? "" : entry.host;
}

/** What must be equal for hosts to share a chain, in an order of fields that does not depend on who made the value. */
function settingsOf(entry: ServedHost): readonly unknown[] {
  switch (entry.kind) {
    case "http":
      // A wildcard has connections of its own: those for a host that it covers, and that is here by itself, are not its.
      return ["http", ...terminationOf(entry.tls), entry.filters.guards.map(guardId).toSorted(), ...(entry.host.startsWith("*.") ? [entry.host] : [])];
    case "tcp-terminated":
      return ["tcp", ...terminationOf(entry.tls), entry.host];
    case "passthrough":
      return ["tcp", entry.host];
    case "fallback":
      return ["zz-fallback", ...terminationOf(entry.tls)];
  }
}

function terminationOf({ certificate, minimumVersion, maximumVersion, clientValidation: client }: TlsTermination): readonly unknown[] {
  const forward = client?.forward;
  return [
    certificate, minimumVersion, maximumVersion,
    client === undefined ? null : [client.caCertificates, client.crl, client.onlyVerifyLeafCrl, client.mode],
    forward === undefined ? null : [forward.subject, forward.cert, forward.chain, forward.dns, forward.uri],
  ];
}

function buildChain(listener: Listener, { example, hosts }: ChainGroup, settings: EnvoySettings, manager: Manager): FilterChain {
  return FilterChain.fromPartial({
    name: hosts[0] ?? (example.kind === "fallback" ? "fallback-certificate" : "*"),
    filterChainMatch: { serverNames: [...hosts], transportProtocol: "tls" },
    ...chainParts(listener, example, hosts, settings, manager),
  });
}

/** Takes connections for all hosts that no chain names. Which of them there are is not said here, so one more changes nothing here. */
function onDemandChain(listener: Listener, versions: TlsVersions, settings: EnvoySettings, manager: Manager): FilterChain {
  const http3 = listener.http3Port !== undefined && versions.maximumVersion === "1.3" ? { http3Port: listener.http3Port } : {};
  const choice = { statPrefix: listener.name, scope: { listener: listener.name, tlsWildcards: [] }, chain: { ...chainSettings(listener, [], false), ...http3 } };
  return FilterChain.fromPartial({
    name: "on-demand",
    filterChainMatch: { transportProtocol: "tls" },
    filters: [manager(choice)],
    transportSocket: downstreamTlsOnDemand(versions, settings),
    // Nobody waits for ever for a certificate while no controller can be reached.
    transportSocketConnectTimeout: toDuration(certificatePatienceMs),
  });
}

function chainParts(listener: Listener, example: ServedHost, hosts: readonly string[], settings: EnvoySettings, manager: Manager): Pick<Partial<FilterChain>, "filters" | "transportSocket"> {
  const statPrefix = listener.name;
  switch (example.kind) {
    case "http":
    case "fallback":
      return { filters: [manager(httpChoice(listener, example, hosts))], transportSocket: downstreamTls(example.tls, "http", settings) };
    case "tcp-terminated":
      return { filters: tcpFilters(statPrefix, example.proxy, settings), transportSocket: downstreamTls(example.tls, "bytes", settings) };
    case "passthrough":
      return { filters: tcpFilters(statPrefix, example.proxy, settings) };
  }
}

/** A host that is asked by HTTP. */
export type HttpHost = Extract<ServedHost, { readonly kind: "http" | "fallback" }>;

/** Whether a host can be asked by HTTP/3: Envoy asks for no client certificates there, and QUIC has TLS 1.3 only. */
export function speaksHttp3(host: ServedHost): host is HttpHost {
  return (host.kind === "http" || host.kind === "fallback") && host.tls.clientValidation === undefined && host.tls.maximumVersion === "1.3";
}

/** The connection manager for hosts like `example`, by whatever their requests come. */
export function httpChoice(listener: Listener, example: HttpHost, hosts: readonly string[]): ConnectionManagerChoice {
  const statPrefix = listener.name;
  const http3 = listener.http3Port !== undefined && speaksHttp3(example) ? { http3Port: listener.http3Port } : {};
  if (example.kind === "fallback") return { statPrefix, scope: { listener: fallbackListenerName(listener.name) }, chain: { ...chainSettings(listener, [], false), ...http3 } };
  const { tls, filters, host } = example;
  const tlsWildcards = host === "*" ? ["*"] : hosts.filter((name) => name.startsWith("*."));
  return { statPrefix, scope: { listener: listener.name, tlsWildcards }, chain: { ...chainSettings(listener, filters.guards, filters.shared ?? false), ...http3 }, forwardClientCertificate: tls.clientValidation?.forward };
}
