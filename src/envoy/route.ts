import { perFilterConfig } from "#envoy/filters/order";
import { headerChanges } from "#envoy/header-policy";
import { routeAction } from "#envoy/route-action";
import { routeMatch } from "#envoy/route-match";
import { Route as EnvoyRoute } from "#gen/envoy/envoy/config/route/v3/route_components";
import type { HeaderMatcher } from "#gen/envoy/envoy/config/route/v3/route_components";
import type { Origin } from "#model/origin";
import type { Route } from "#model/route";

/** Where a route stands: what its virtual host is called and what that asks of each request. */
export interface RoutePlace {
  readonly virtualHost: string;
  readonly hostMatch: readonly HeaderMatcher[];
  /** Headers that no backend gets, besides those that the user takes away. */
  readonly hiddenHeaders: readonly string[];
}

/** One way through a virtual host. */
export function buildRoute(route: Route, { virtualHost, hostMatch, hiddenHeaders }: RoutePlace): EnvoyRoute {
  const changes = headerChanges(route.policies);
  return EnvoyRoute.fromPartial({
    match: routeMatch(route.match, hostMatch),
    action: routeAction(route),
    metadata: { filterMetadata: { "envoy.access_loggers.file": originMetadata(route.origin) } },
    typedPerFilterConfig: perFilterConfig(route.policies, virtualHost),
    ...changes,
    requestHeadersToRemove: [...changes.requestHeadersToRemove, ...hiddenHeaders],
  });
}

/** Names the object of a route for access logs. */
function originMetadata({ kind, namespace, name }: Origin): Readonly<Record<string, string>> {
  return { "io.projectcontour.kind": kind, "io.projectcontour.namespace": namespace, "io.projectcontour.name": name };
}
