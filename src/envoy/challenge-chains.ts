import { typedConfig } from "#envoy/any";
import { ads } from "#envoy/config-source";
import { Filter, FilterChain } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { Echo } from "#gen/envoy/envoy/extensions/filters/network/echo/v3/echo";
import { DownstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { compareText } from "#lib/compare";
import type { TlsHost } from "#model/listener";

type Challenge = Extract<TlsHost, { readonly kind: "tls-alpn-challenge" }>;

/** The protocol by which ACME servers ask for a challenge (RFC 8737, section 6.2). */
const acmeProtocol = "acme-tls/1";

/**
 * The filter chains that answer TLS-ALPN-01 challenges, and what they make necessary: Envoy chooses by the name first and never
 * goes back, so a host that others' chains cover (a wildcard, all names) must have that chain under its own name, too.
 */
export function challengeChains(chains: readonly FilterChain[], tlsHosts: readonly TlsHost[]): readonly FilterChain[] {
  const sorted = tlsHosts.filter((entry) => entry.kind === "tls-alpn-challenge").toSorted((a, b) => compareText(a.host, b.host));
  const challenges = [...new Map(sorted.map((entry) => [entry.host, entry])).values()];
  return challenges.flatMap((challenge) => [...underOwnName(chains, challenge.host), challengeChain(challenge)]);
}

function challengeChain({ host, certificate }: Challenge): FilterChain {
  const commonTlsContext = { tlsCertificateSdsSecretConfigs: [{ name: certificate, sdsConfig: ads }], alpnProtocols: [acmeProtocol] };
  return FilterChain.fromPartial({
    name: `${acmeProtocol} ${host}`,
    filterChainMatch: { serverNames: [host], transportProtocol: "tls", applicationProtocols: [acmeProtocol] },
    // The server looks at the certificate and goes; it must only not be sent away before.
    filters: [Filter.fromPartial({ name: "envoy.filters.network.echo", configType: typedConfig(Echo, {}) })],
    transportSocket: { name: "envoy.transport_sockets.tls", configType: typedConfig(DownstreamTlsContext, { commonTlsContext }) },
  });
}

function underOwnName(chains: readonly FilterChain[], host: string): readonly FilterChain[] {
  const namesOf = (chain: FilterChain): readonly string[] => chain.filterChainMatch?.serverNames ?? [];
  if (chains.some((chain) => namesOf(chain).includes(host))) return [];
  const parents = host.split(".").slice(1).map((_, i, labels) => `*.${labels.slice(i).join(".")}`);
  const covering = parents.flatMap((parent) => chains.find((chain) => namesOf(chain).includes(parent)) ?? [])[0] ?? chains.find((chain) => namesOf(chain).length === 0);
  return covering === undefined ? [] : [FilterChain.fromPartial({ ...covering, name: host, filterChainMatch: { serverNames: [host], transportProtocol: "tls" } })];
}
