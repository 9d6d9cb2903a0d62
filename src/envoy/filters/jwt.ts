import { packAny } from "#envoy/any";
import { inlineString } from "#envoy/data-source";
import { toDuration } from "#envoy/duration";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { JwtAuthentication, JwtProvider as EnvoyJwtProvider, PerRouteConfig } from "#gen/envoy/envoy/extensions/filters/http/jwt_authn/v3/config";
import type { HttpFilter } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { compareText } from "#lib/compare";
import type { JwtProvider } from "#model/policy";

const name = "envoy.filters.http.jwt_authn";

/** Checks JSON Web Tokens on routes that require them. It stands only in front of hosts that have providers. */
export const jwt: Filter = {
  name,
  inListener: ({ guards }) => {
    const providers = new Map(guards.flatMap((guard) => (guard.kind === "jwt" ? [[guard.provider.id, guard.provider] as const] : [])));
    return providers.size === 0 ? undefined : authentication([...providers.values()]);
  },
  onRoute: ({ jwt: policy }) => {
    if (policy === undefined) return undefined;
    if (policy.kind === "none") return { [name]: packAny(PerRouteConfig, { requirementSpecifier: { $case: "disabled", value: true } }) };
    return { [name]: packAny(PerRouteConfig, { requirementSpecifier: { $case: "requirementName", value: policy.provider } }) };
  },
};

function authentication(providers: readonly JwtProvider[]): HttpFilter {
  const sorted = providers.toSorted((a, b) => compareText(a.id, b.id));
  return httpFilter(name, JwtAuthentication, {
    providers: Object.fromEntries(sorted.map((provider) => [provider.id, envoyProvider(provider)])),
    requirementMap: Object.fromEntries(sorted.map(({ id }) => [id, { requiresType: { $case: "providerName" as const, value: id } }])),
  });
}

function envoyProvider({ issuer, audiences, forward, keys }: JwtProvider): EnvoyJwtProvider {
  return EnvoyJwtProvider.fromPartial({ issuer, audiences: [...audiences], forward, jwksSourceSpecifier: keySource(keys) });
}

function keySource(keys: JwtProvider["keys"]) {
  if (keys.kind === "local") return { $case: "localJwks" as const, value: inlineString(keys.jwks) };
  const httpUri = { uri: keys.uri, httpUpstreamType: { $case: "cluster" as const, value: keys.cluster }, timeout: toDuration(keys.timeoutMs) };
  return { $case: "remoteJwks" as const, value: { httpUri, cacheDuration: keys.cacheDurationMs === undefined ? undefined : toDuration(keys.cacheDurationMs) } };
}
