import { Listener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { FilterChain } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { Route, VirtualHost } from "#gen/envoy/envoy/config/route/v3/route_components";
import { ScopedRouteConfiguration } from "#gen/envoy/envoy/config/route/v3/scoped_route";

/** What a virtual host looks like to Envoy, to be compared. */
export interface ServedHost {
  /** Everything but its routes. */
  readonly policies: string;
  /** Those that were made from a route of the model, in its order. */
  readonly routes: readonly string[];
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** The virtual hosts of an encoded scope, by their domain. */
export function decodeRoutes(scope: Uint8Array): ReadonlyMap<string, ServedHost> {
  const { routeConfiguration } = ScopedRouteConfiguration.decode(scope);
  return new Map(
    (routeConfiguration?.virtualHosts ?? []).map((host) => [
      host.domains[0] ?? "",
      { policies: text(VirtualHost.encode({ ...host, routes: [] }).finish()), routes: host.routes.filter(({ metadata }) => metadata !== undefined).map((route) => text(Route.encode(route).finish())) },
    ]),
  );
}

/** How each host's connections are treated by an encoded listener; the host that stands for all others is empty. */
export function decodeChains(listener: Uint8Array): ReadonlyMap<string, string> {
  const { filterChains } = Listener.decode(listener);
  return new Map(
    filterChains.flatMap((chain) => {
      const hosts = chain.filterChainMatch?.serverNames ?? [];
      const treatment = text(FilterChain.encode({ ...chain, name: "", filterChainMatch: undefined }).finish());
      return (hosts.length === 0 ? [""] : hosts).map((host) => [host, treatment] as const);
    }),
  );
}
