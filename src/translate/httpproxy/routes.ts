import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import type { FieldPath } from "#k8s/object";
import type { ForwardAction, Route, RouteAction, RouteMatch, RoutePolicies } from "#model/route";
import { mergeBlocks, parseConditions } from "#translate/httpproxy/match-conditions";
import type { MatchBlock } from "#translate/httpproxy/match-conditions";
import { routeAuthorization } from "#translate/httpproxy/policies/authorization";
import { cookieRewrites } from "#translate/httpproxy/policies/cookies";
import { directResponse } from "#translate/httpproxy/policies/direct-response";
import { headerPolicy, mergeHeaders } from "#translate/httpproxy/policies/headers";
import { httpHealthCheck } from "#translate/httpproxy/policies/health-check";
import { errorPages } from "#translate/httpproxy/policies/error-pages";
import { internalRedirect } from "#translate/httpproxy/policies/internal-redirect";
import { ipFilter } from "#translate/httpproxy/policies/ip-filter";
import { jwtRoutePolicy } from "#translate/httpproxy/policies/jwt";
import { loadBalancing } from "#translate/httpproxy/policies/load-balancing";
import { pathRewrites } from "#translate/httpproxy/policies/path-rewrite";
import { globalRateLimit, localRateLimit } from "#translate/httpproxy/policies/rate-limit";
import { requestRedirect } from "#translate/httpproxy/policies/redirect";
import { retryPolicy } from "#translate/httpproxy/policies/retry";
import { routeTimeouts } from "#translate/httpproxy/policies/timeouts";
import { resolveTargets } from "#translate/httpproxy/services";
import { hasError, originOf } from "#translate/httpproxy/visit";
import type { Visit } from "#translate/httpproxy/visit";
import type { Parsed } from "#translate/shared/parsed";

/** One entry of an HTTPProxy's routes. */
export type RouteSpec = NonNullable<HTTPProxy["spec"]["routes"]>[number];

/** A route, and whether it may also be reached without TLS on a host that has TLS. */
export interface ProxyRoute extends Route {
  readonly permitInsecure: boolean;
}

/** What became of an entry of `routes`. */
export interface TranslatedRoute {
  readonly routes: readonly ProxyRoute[];
  /** Whether something in it is wrong, other than that a Service is not there. */
  readonly failed: boolean;
}

/** Follows what an entry of `routes` says. An entry with a mistake answers 503 instead of taking its neighbours down. */
export function translateRoute(visit: Visit, proxy: HTTPProxy, spec: RouteSpec, at: FieldPath, inherited: readonly MatchBlock[]): TranslatedRoute {
  const block = visit.take(proxy, parseConditions(spec.conditions, [...at, "conditions"], "route"));
  if (block === undefined) return { routes: [], failed: true };
  const match = mergeBlocks([...inherited, block]);
  const parts = new RouteParts(visit, proxy);
  const policies = routePolicies(parts, spec, at, visit);
  const actions = routeActions(parts, spec, at, match);
  const broken: readonly Variant[] = [{ match, action: { kind: "direct-response", status: 503 } }];
  const routes = (parts.failed ? broken : actions).map(({ match: variant, action }) => ({
    match: variant,
    priority: 0,
    action,
    policies: parts.failed ? {} : policies,
    permitInsecure: spec.permitInsecure === true && !visit.settings.disablePermitInsecure,
    origin: originOf(proxy, at),
  }));
  return { routes, failed: parts.failed };
}

/** One of the matches that an entry stands for, with what it does. */
interface Variant {
  readonly match: RouteMatch;
  readonly action: RouteAction;
}

/** Gathers the parts of one route and remembers whether any of them had an error. */
class RouteParts {
  readonly visit: Visit;
  readonly proxy: HTTPProxy;
  failed = false;

  constructor(visit: Visit, proxy: HTTPProxy) {
    this.visit = visit;
    this.proxy = proxy;
  }

  take<T>(parsed: Parsed<T>): T | undefined {
    if (hasError(parsed.problems)) this.failed = true;
    return this.visit.take(this.proxy, parsed);
  }

  refuse(problem: HttpProxyProblem): void {
    this.failed = true;
    this.visit.report(this.proxy, problem);
  }
}

function routePolicies(parts: RouteParts, spec: RouteSpec, at: FieldPath, visit: Visit): RoutePolicies {
  const variables = { namespace: parts.proxy.metadata.namespace ?? "" };
  const { host } = visit;
  const request = parts.take(headerPolicy(spec.requestHeadersPolicy, [...at, "requestHeadersPolicy"], { direction: "request", scope: "route", variables }));
  const response = parts.take(headerPolicy(spec.responseHeadersPolicy, [...at, "responseHeadersPolicy"], { direction: "response", scope: "route", variables }));
  const cookies = parts.take(cookieRewrites(spec.cookieRewritePolicies, [...at, "cookieRewritePolicies"]));
  const addresses = parts.take(ipFilter(spec, at));
  const local = parts.take(localRateLimit(spec.rateLimitPolicy, [...at, "rateLimitPolicy"], "route"));
  const global = parts.take(globalRateLimit(spec.rateLimitPolicy, [...at, "rateLimitPolicy"], "route"));
  const jwt = parts.take(jwtRoutePolicy(spec.jwtVerificationPolicy, [...at, "jwtVerificationPolicy"], host.jwtProviders));
  const authorization = parts.take(routeAuthorization(spec.authPolicy, [...at, "authPolicy"], host.authorization));
  const requestHeaders = mergeHeaders(host.requestHeaders, request?.policy);
  const responseHeaders = mergeHeaders(host.responseHeaders, response?.policy);
  const maxRequestBytes = spec.maxRequestBytes ?? host.maxRequestBytes;
  const pages = errorPages(spec.errorPages);
  return {
    ...(requestHeaders === undefined ? {} : { requestHeaders }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
    ...(cookies === undefined || cookies.length === 0 ? {} : { cookieRewrites: cookies }),
    ...(addresses === undefined ? {} : { ipFilter: addresses }),
    ...(local === undefined ? {} : { localRateLimit: local }),
    ...(global === undefined ? {} : { globalRateLimit: global }),
    ...(jwt === undefined ? {} : { jwt }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(pages === undefined || pages.length === 0 ? {} : { errorPages: pages }),
    ...(maxRequestBytes === 0 ? {} : { maxRequestBytes }),
  };
}

function routeActions(parts: RouteParts, spec: RouteSpec, at: FieldPath, match: RouteMatch): readonly Variant[] {
  const services = spec.services ?? [];
  const chosen = [services.length > 0, spec.requestRedirectPolicy !== undefined, spec.directResponsePolicy !== undefined].filter(Boolean).length;
  if (chosen !== 1) {
    parts.refuse(proxyError("RouteError", "RouteActionCountNotValid", at, `a route needs exactly one of services, requestRedirectPolicy and directResponsePolicy; this one has ${chosen === 0 ? "none" : chosen}`));
    return [];
  }
  if (spec.requestRedirectPolicy !== undefined) return single(match, parts.take(requestRedirect(spec.requestRedirectPolicy, [...at, "requestRedirectPolicy"])));
  if (spec.directResponsePolicy !== undefined) return single(match, parts.take(directResponse(spec.directResponsePolicy, [...at, "directResponsePolicy"])));
  return rewritten(parts, spec, at, match, forward(parts, spec, at));
}

function single(match: RouteMatch, action: RouteAction | undefined): readonly Variant[] {
  return action === undefined ? [] : [{ match, action }];
}

function forward(parts: RouteParts, spec: RouteSpec, at: FieldPath): RouteAction {
  const timeouts = parts.take(routeTimeouts(spec.timeoutPolicy, [...at, "timeoutPolicy"]));
  // As in Go Contour, what the services say is not looked at while the route itself is wrong.
  if (parts.failed) return { kind: "direct-response", status: 503 };
  const retry = parts.take(retryPolicy(spec.retryPolicy, [...at, "retryPolicy"]));
  const balancing = parts.take(loadBalancing(spec.loadBalancerPolicy, [...at, "loadBalancerPolicy"], { allowHash: true, owner: "SpecError" }));
  const healthCheck = parts.take(httpHealthCheck(spec.healthCheckPolicy, [...at, "healthCheckPolicy"]));
  const redirects = parts.take(internalRedirect(spec.internalRedirectPolicy, [...at, "internalRedirectPolicy"]));
  const hostRewrite = headerPolicy(spec.requestHeadersPolicy, [...at, "requestHeadersPolicy"], { direction: "request", scope: "route", variables: { namespace: "" } }).value?.hostRewrite;
  const found = resolveTargets(parts.visit, parts.proxy, spec.services ?? [], [...at, "services"], {
    scope: "route",
    loadBalancing: balancing?.loadBalancing ?? "round-robin",
    strategy: spec.loadBalancerPolicy?.strategy,
    ...(healthCheck === undefined ? {} : { healthCheck }),
    ...(timeouts?.idleConnectionMs === undefined ? {} : { idleTimeoutMs: timeouts.idleConnectionMs }),
    ...(hostRewrite === undefined ? {} : { hostRewrite }),
  });
  if (!found.usable) parts.failed = true;
  if (found.targets.length === 0) return { kind: "direct-response", status: 503 };
  return {
    kind: "forward",
    targets: found.targets,
    mirrors: found.mirrors,
    hashPolicies: balancing?.hashPolicies ?? [],
    websocket: spec.enableWebsockets ?? false,
    ...(hostRewrite === undefined ? {} : { hostRewrite }),
    ...(timeouts?.response === undefined ? {} : { responseTimeout: timeouts.response }),
    ...(timeouts?.idle === undefined ? {} : { idleTimeout: timeouts.idle }),
    ...(retry === undefined ? {} : { retry }),
    ...(redirects === undefined ? {} : { internalRedirect: redirects }),
  } satisfies ForwardAction;
}

/** A prefix rewrite may need two matches, with and without the slash at the end. */
function rewritten(parts: RouteParts, spec: RouteSpec, at: FieldPath, match: RouteMatch, action: RouteAction): readonly Variant[] {
  const rewrites = parts.take(pathRewrites(spec.pathRewritePolicy, [...at, "pathRewritePolicy"], match.path));
  if (action.kind !== "forward" || rewrites === undefined || rewrites.length === 0) return [{ match, action }];
  return rewrites.map(({ path, rewrite }) => ({ match: { ...match, path }, action: rewrite === undefined ? action : { ...action, pathRewrite: rewrite } }));
}
