import { challengeRoutes } from "#envoy/challenge-routes";
import type { ChallengeAnswer } from "#envoy/challenge-routes";
import { connectionRetry } from "#envoy/connection-retry";
import { rateLimits } from "#envoy/filters/global-rate-limit";
import { perFilterConfig } from "#envoy/filters/order";
import { hostMatch, misdirected } from "#envoy/host-match";
import { headerMatcher } from "#envoy/match";
import { virtualHostName } from "#envoy/names";
import { buildRoute } from "#envoy/route";
import { directResponse } from "#envoy/route-action";
import { routeMatch } from "#envoy/route-match";
import { chainHeader, chainMark, scopeHeader } from "#envoy/scope-key";
import { Route as EnvoyRoute, VirtualHost as EnvoyVirtualHost } from "#gen/envoy/envoy/config/route/v3/route_components";
import type { HeaderMatcher } from "#gen/envoy/envoy/config/route/v3/route_components";
import { equalValues } from "#lib/equal";
import type { Route, VirtualHost } from "#model/route";
import type { EnvoySettings } from "#settings/envoy";

/** What the routes of a host are made from beside the host. */
export interface VirtualHostOptions {
  readonly settings: EnvoySettings;
  /** What the host answers to ACME servers. */
  readonly answers?: readonly ChallengeAnswer[];
  /** Whether access logs name the object that a route is from. */
  readonly namesOrigins: boolean;
}

/** The routes of a host, with what has to be said before and after them. */
export function buildVirtualHost(virtualHost: VirtualHost, { settings, answers = [], namesOrigins }: VirtualHostOptions): EnvoyVirtualHost {
  const name = virtualHostName(virtualHost.host);
  const ofHost = hostMatch(virtualHost);
  const refused = virtualHost.requireSni ? misdirected(virtualHost).map((wrong) => refusal(421, [...ofHost, wrong])) : [];
  // Envoy looks for the target of an internal redirect in the scope that this header names, after it changed the
  // headers for the backend: so on such routes, and only there, the backend sees it.
  const needsScope = virtualHost.routes.some(followsRedirects);
  const build = (route: Route): EnvoyRoute => buildRoute(route, { virtualHost: name, hostMatch: ofHost, hiddenHeaders: needsScope && !followsRedirects(route) ? [scopeHeader] : [], ownAuthorization: virtualHost.ownAuthorization, namesOrigins });
  const routes = answeringAll([...challengeRoutes(answers), ...refused, ...unguarded(virtualHost, ofHost), ...withUpgradeGuards(virtualHost.routes, ofHost, build)]);
  return EnvoyVirtualHost.fromPartial({
    name,
    domains: [virtualHost.host],
    routes,
    requestHeadersToRemove: needsScope || !forwards({ routes }) ? [] : [scopeHeader],
    rateLimits: rateLimits(virtualHost.globalRateLimit),
    retryPolicy: virtualHost.routes.some(leavesRetriesOpen) ? connectionRetry(settings) : undefined,
    typedPerFilterConfig: perFilterConfig(virtualHost, { level: "host", host: name, ownAuthorization: virtualHost.ownAuthorization }),
  });
}

/**
 * Refuses connections that do not pass the guards which the host needs: those that began before it needed them, and go on
 * with the filters of that time. On TLS 421 tells clients to come again over a new connection (RFC 9110, section 15.5.20).
 */
function unguarded({ guards = [], requireSni }: VirtualHost, ofHost: readonly HeaderMatcher[]): readonly EnvoyRoute[] {
  return guards.map((guard) => refusal(requireSni ? 421 : 503, [...ofHost, headerMatcher({ name: chainHeader, value: { kind: "contains", value: chainMark(guard), ignoreCase: false }, invert: true, treatMissingAsEmpty: true })]));
}

/** Whether any request gets from a host to a backend: where none does, nothing has to be kept from backends, and memory counts. */
export function forwards({ routes }: Pick<EnvoyVirtualHost, "routes">): boolean {
  return routes.some(({ action }) => action?.$case === "route");
}

/**
 * Without a last route for everything, a path that nothing matches would go on to look among the wildcard hosts. Most hosts
 * have one, and a second would be several kilobytes of Envoy's memory that nothing ever reaches.
 */
function answeringAll(routes: readonly EnvoyRoute[]): EnvoyRoute[] {
  const last = answer(404, []);
  return routes.some(({ match }) => equalValues(match, last.match)) ? [...routes] : [...routes, last];
}

function followsRedirects({ action }: Route): boolean {
  return action.kind === "forward" && action.internalRedirect !== undefined;
}

function leavesRetriesOpen({ action }: Route): boolean {
  return action.kind === "forward" && action.retry === undefined;
}

/** An answer of our own to every path. */
function answer(status: number, headers: readonly HeaderMatcher[]): EnvoyRoute {
  return EnvoyRoute.fromPartial({ match: { pathSpecifier: { $case: "prefix", value: "/" }, headers: [...headers] }, action: directResponse(status) });
}

/** An answer over which nobody is asked: the connection may be that of another host, with an authorization of its own. */
function refusal(status: number, headers: readonly HeaderMatcher[]): EnvoyRoute {
  return { ...answer(status, headers), typedPerFilterConfig: perFilterConfig({ authorization: { kind: "off" } }, { level: "route", host: "" }) };
}

const websocket = headerMatcher({ name: "upgrade", value: { kind: "exact", value: "websocket", ignoreCase: true }, invert: false, treatMissingAsEmpty: false });

/**
 * Refuses WebSockets on routes that do not want them. Envoy itself decides about upgrades by the first route that it
 * finds, which for wildcard hosts is none: so listeners let all upgrades in, and the routes say no.
 */
function withUpgradeGuards(routes: readonly Route[], ofHost: readonly HeaderMatcher[], build: (route: Route) => EnvoyRoute): readonly EnvoyRoute[] {
  const forwards = routes.filter(({ action }) => action.kind === "forward");
  if (!forwards.some(wantsWebSockets)) return [...(forwards.length > 0 ? [answer(403, [...ofHost, websocket])] : []), ...routes.map(build)];
  return routes.flatMap((route) => (route.action.kind !== "forward" || wantsWebSockets(route) ? [build(route)] : [upgradeGuard(route, ofHost), build(route)]));
}

function wantsWebSockets({ action }: Route): boolean {
  return action.kind === "forward" && action.websocket;
}

function upgradeGuard({ match }: Route, ofHost: readonly HeaderMatcher[]): EnvoyRoute {
  return EnvoyRoute.fromPartial({ match: routeMatch(match, [...ofHost, websocket]), action: directResponse(403) });
}
