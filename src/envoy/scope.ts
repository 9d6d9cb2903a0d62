import { encode } from "#envoy/any";
import { challengeRoutes } from "#envoy/challenge-routes";
import type { ChallengeAnswer } from "#envoy/challenge-routes";
import { exactHostConfig } from "#envoy/filters/host-fallback";
import { headerOption } from "#envoy/header-policy";
import { scopeName, scopeResourceName, wildScopeName } from "#envoy/names";
import { chainHeader, sniHeader } from "#envoy/scope-key";
import { buildVirtualHost, forwards } from "#envoy/virtual-host";
import type { VirtualHostOptions } from "#envoy/virtual-host";
import { RouteConfiguration } from "#gen/envoy/envoy/config/route/v3/route";
import { VirtualHost } from "#gen/envoy/envoy/config/route/v3/route_components";
import { ScopedRouteConfiguration } from "#gen/envoy/envoy/config/route/v3/scoped_route";
import type { Any } from "#gen/envoy/google/protobuf/any";
import { compareText } from "#lib/compare";
import type { VirtualHost as HostModel } from "#model/route";

/** Encodes the scope of one host of one listener. */
export function buildScope(virtualHost: HostModel, options: VirtualHostOptions): Uint8Array {
  return encodeScope(scopeName(virtualHost.listener, virtualHost.host), [buildVirtualHost(virtualHost, options)], exactHostConfig);
}

/** Encodes the scope of all wildcard hosts of a listener, in which every host is looked for that has no scope of its own. */
export function buildWildScope(listener: string, virtualHosts: readonly HostModel[], options: VirtualHostOptions): Uint8Array {
  const sorted = virtualHosts.toSorted((a, b) => compareText(a.host, b.host));
  return encodeScope(wildScopeName(listener), sorted.map((virtualHost) => buildVirtualHost(virtualHost, options)), {});
}

/** Encodes the scope of a host that has nothing but challenges: all else is looked for among the wildcard hosts, as without it. */
export function buildChallengeScope(name: string, answers: readonly ChallengeAnswer[]): Uint8Array {
  return encodeScope(name, [VirtualHost.fromPartial({ name: "acme-challenge", domains: ["*"], routes: [...challengeRoutes(answers)] })], {});
}

const requestStart = headerOption("x-request-start", "t=%START_TIME(%s.%3f)%", "append");

/** What a scope is called here, from what it is encoded as: in xDS its name may be shortened. */
export function scopeOf(bytes: Uint8Array): string | undefined {
  const [fragment] = ScopedRouteConfiguration.decode(bytes).key?.fragments ?? [];
  return fragment?.type?.value;
}

function encodeScope(name: string, virtualHosts: readonly VirtualHost[], typedPerFilterConfig: Readonly<Record<string, Any>>): Uint8Array {
  const routeConfiguration = RouteConfiguration.fromPartial({
    name,
    virtualHosts: [...virtualHosts],
    ...(virtualHosts.some(forwards) ? { requestHeadersToAdd: [requestStart], requestHeadersToRemove: [sniHeader, chainHeader] } : {}),
    ignorePortInHostMatching: true,
    // A cluster may come a moment later than its route, and go a moment earlier.
    validateClusters: false,
    typedPerFilterConfig,
  });
  return encode(ScopedRouteConfiguration, { name: scopeResourceName(name), key: { fragments: [{ type: { $case: "stringKey", value: name } }] }, routeConfiguration });
}
