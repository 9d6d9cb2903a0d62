import { extension } from "#envoy/any";
import { timeoutDuration, toDuration } from "#envoy/duration";
import { mergeCookieRewrites, routeScript } from "#envoy/filters/route-script";
import { rateLimits } from "#envoy/filters/global-rate-limit";
import { headerChanges } from "#envoy/header-policy";
import { envoyPathRewrite } from "#envoy/path-rewrite";
import { runtimePercent } from "#envoy/percent";
import { InternalRedirectPolicy, RetryPolicy as EnvoyRetryPolicy, RouteAction, RouteAction_ClusterNotFoundResponseCode, RouteAction_HashPolicy, RouteAction_RequestMirrorPolicy, WeightedCluster_ClusterWeight } from "#gen/envoy/envoy/config/route/v3/route_components";
import { PreviousRoutesConfig } from "#gen/envoy/envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config";
import { SafeCrossSchemeConfig } from "#gen/envoy/envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config";
import { Bug } from "#lib/bug";
import type { HashPolicy, RetryPolicy } from "#model/policy";
import { unresolvedCluster } from "#model/route";
import type { ForwardAction, ForwardTarget, HostRewrite, InternalRedirect, Mirror, Route } from "#model/route";

/** Sends requests to backends. */
export function forwardAction(route: Route, action: ForwardAction): RouteAction {
  return RouteAction.fromPartial({
    clusterSpecifier: clusterSpecifier(route, action.targets),
    // Calls get 503, Envoy's own choice, which gRPC calls UNAVAILABLE.
    ...(route.match.grpc === undefined && action.targets.some(({ cluster }) => cluster === unresolvedCluster) ? { clusterNotFoundResponseCode: RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR } : {}),
    ...pathRewrite(route, action),
    ...hostRewrite(action),
    timeout: timeoutDuration(action.responseTimeout),
    idleTimeout: timeoutDuration(action.idleTimeout),
    retryPolicy: action.retry === undefined ? undefined : retryPolicy(action.retry),
    requestMirrorPolicies: action.mirrors.map(mirrorPolicy),
    rateLimits: rateLimits(route.policies.globalRateLimit),
    hashPolicy: action.hashPolicies.map(hashPolicy),
    upgradeConfigs: action.websocket ? [{ upgradeType: "websocket", enabled: true }] : [],
    internalRedirectPolicy: action.internalRedirect === undefined ? undefined : internalRedirectPolicy(action.internalRedirect),
  });
}

function clusterSpecifier(route: Route, targets: readonly ForwardTarget[]): NonNullable<RouteAction["clusterSpecifier"]> {
  const [only] = targets;
  if (only === undefined) throw new Bug("a forward action without targets");
  if (targets.length === 1 && !hasPolicies(only)) return { $case: "cluster", value: only.cluster };
  const clusters = targets.map((target) => weightedTarget(route, target, targets.length === 1 ? 1 : target.weight));
  return { $case: "weightedClusters", value: { clusters, totalWeight: undefined, runtimeKeyPrefix: "", randomValueSpecifier: undefined } };
}

function hasPolicies({ requestHeaders, responseHeaders, cookieRewrites }: ForwardTarget): boolean {
  return requestHeaders !== undefined || responseHeaders !== undefined || (cookieRewrites ?? []).length > 0;
}

function weightedTarget(route: Route, target: ForwardTarget, weight: number): WeightedCluster_ClusterWeight {
  // The settings of a filter on a target replace those on its route, so they say both.
  const { cookieRewrites, maxRequestBytes } = route.policies;
  const own = target.cookieRewrites === undefined ? {} : routeScript.onRoute?.({ cookieRewrites: mergeCookieRewrites(target.cookieRewrites, cookieRewrites), ...(maxRequestBytes === undefined ? {} : { maxRequestBytes }) }, { level: "route", host: "" });
  return WeightedCluster_ClusterWeight.fromPartial({
    name: target.cluster,
    weight,
    ...headerChanges(target),
    ...(target.hostRewrite?.kind === "literal" ? { hostRewriteSpecifier: { $case: "hostRewriteLiteral", value: target.hostRewrite.host } } : {}),
    typedPerFilterConfig: { ...own },
  });
}

function pathRewrite({ match }: Route, action: ForwardAction): Pick<Partial<RouteAction>, "prefixRewrite" | "regexRewrite"> {
  if (action.pathRewrite === undefined) return {};
  const rewrite = envoyPathRewrite(match.path, action.pathRewrite);
  return rewrite.kind === "prefix" ? { prefixRewrite: rewrite.prefix } : { regexRewrite: rewrite.rewrite };
}

/** A single target's own rewrite goes first; among several, each one's literal rewrite stands beside its weight. */
function hostRewrite({ targets, hostRewrite: ofRoute }: ForwardAction): Pick<Partial<RouteAction>, "hostRewriteSpecifier"> {
  const rewrite: HostRewrite | undefined = (targets.length === 1 ? targets[0]?.hostRewrite : undefined) ?? ofRoute;
  if (rewrite === undefined) return {};
  return { hostRewriteSpecifier: rewrite.kind === "literal" ? { $case: "hostRewriteLiteral", value: rewrite.host } : { $case: "hostRewriteHeader", value: rewrite.header } };
}

function retryPolicy({ on, count, perTryTimeoutMs, statusCodes, backOffBaseMs }: RetryPolicy): EnvoyRetryPolicy {
  return EnvoyRetryPolicy.fromPartial({
    retryOn: on,
    numRetries: count,
    perTryTimeout: perTryTimeoutMs === undefined ? undefined : toDuration(perTryTimeoutMs),
    retriableStatusCodes: [...statusCodes],
    retryBackOff: backOffBaseMs === undefined ? undefined : { baseInterval: toDuration(backOffBaseMs) },
  });
}

function mirrorPolicy({ cluster, percent }: Mirror): RouteAction_RequestMirrorPolicy {
  return RouteAction_RequestMirrorPolicy.fromPartial({ cluster, runtimeFraction: runtimePercent(percent) });
}

function hashPolicy(policy: HashPolicy): RouteAction_HashPolicy {
  return RouteAction_HashPolicy.fromPartial({ terminal: policy.terminal, policySpecifier: hashSpecifier(policy) });
}

function hashSpecifier(policy: HashPolicy): NonNullable<RouteAction_HashPolicy["policySpecifier"]> {
  switch (policy.kind) {
    case "header":
      return { $case: "header", value: { headerName: policy.name, regexRewrite: undefined } };
    case "query":
      return { $case: "queryParameter", value: { name: policy.name } };
    case "source-ip":
      return { $case: "connectionProperties", value: { sourceIp: true } };
    case "cookie":
      // A lifetime of zero makes Envoy set the cookie, for as long as the browser runs.
      return { $case: "cookie", value: { name: policy.name, path: policy.path, ttl: toDuration(0), attributes: [] } };
  }
}

function internalRedirectPolicy({ maxRedirects, codes, crossScheme, denyRepeatedRoute }: InternalRedirect): InternalRedirectPolicy {
  const safe = crossScheme === "safe-only" ? [extension("envoy.internal_redirect_predicates.safe_cross_scheme", SafeCrossSchemeConfig, {})] : [];
  const repeated = denyRepeatedRoute ? [extension("envoy.internal_redirect_predicates.previous_routes", PreviousRoutesConfig, {})] : [];
  return InternalRedirectPolicy.fromPartial({
    maxInternalRedirects: maxRedirects,
    redirectResponseCodes: [...codes],
    predicates: [...safe, ...repeated],
    allowCrossSchemeRedirect: crossScheme !== "never",
  });
}
