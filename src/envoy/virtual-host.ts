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
import type { Route, VirtualHost } from "#model/route";
import type { EnvoySettings } from "#settings/envoy";

/** The routes of a host, with what has to be said before and after them. */
export function buildVirtualHost(virtualHost: VirtualHost, settings: EnvoySettings, answers: readonly ChallengeAnswer[] = []): EnvoyVirtualHost {
  const name = virtualHostName(virtualHost.host);
  const ofHost = hostMatch(virtualHost);
  const refused = virtualHost.requireSni ? misdirected(virtualHost).map((wrong) => refusal(421, [...ofHost, wrong])) : [];
  // Envoy looks for the target of an internal redirect in the scope that this header names, after it changed the
  // headers for the backend: so on such routes, and only there, the backend sees it.
  const needsScope = virtualHost.routes.some(followsRedirects);
  const build = (route: Route): EnvoyRoute => buildRoute(route, { virtualHost: name, hostMatch: ofHost, hiddenHeaders: needsScope && !followsRedirects(route) ? [scopeHeader] : [], ownAuthorization: virtualHost.ownAuthorization });
  return EnvoyVirtualHost.fromPartial({
    name,
    domains: [virtualHost.host],
    // Without the last one, a path that nothing matches would go on to look among the wildcard hosts.
    routes: [...challengeRoutes(answers), ...refused, ...unguarded(virtualHost, ofHost), ...withUpgradeGuards(virtualHost.routes, ofHost, build), answer(404, [])],
    requestHeadersToRemove: needsScope ? [] : [scopeHeader],
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
