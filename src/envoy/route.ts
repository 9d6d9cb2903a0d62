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
  readonly ownAuthorization: string | undefined;
  /** Whether access logs name the route's object: that is two kilobytes of Envoy's memory for each route. */
  readonly namesOrigins: boolean;
}

/** One way through a virtual host. */
export function buildRoute(route: Route, { virtualHost, hostMatch, hiddenHeaders, ownAuthorization, namesOrigins }: RoutePlace): EnvoyRoute {
  const changes = headerChanges(route.policies);
  return EnvoyRoute.fromPartial({
    match: routeMatch(route.match, hostMatch),
    action: routeAction(route),
    ...(namesOrigins ? { metadata: { filterMetadata: { "envoy.access_loggers.file": originMetadata(route.origin) } } } : {}),
    typedPerFilterConfig: perFilterConfig(route.policies, { level: "route", host: virtualHost, ownAuthorization }),
    requestBodyBufferLimit: bufferLimit(route.policies),
    ...changes,
    requestHeadersToRemove: [...changes.requestHeadersToRemove, ...hiddenHeaders],
  });
}

/** A body of unknown length is waited for, up to the limit. */
function bufferLimit({ maxRequestBytes = 0 }: Route["policies"]): bigint | undefined {
  return maxRequestBytes === 0 ? undefined : BigInt(maxRequestBytes);
}

/** Names the object of a route for access logs. */
function originMetadata({ kind, namespace, name }: Origin): Readonly<Record<string, string>> {
  return { "io.projectcontour.kind": kind, "io.projectcontour.namespace": namespace, "io.projectcontour.name": name };
}
