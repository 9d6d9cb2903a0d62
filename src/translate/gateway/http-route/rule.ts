import { ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Origin } from "#model/origin";
import type { ForwardAction, ForwardTarget, Route, RouteAction, RouteMatch } from "#model/route";
import type { HttpRouteRule } from "#translate/gateway/api";
import type { RouteVisit } from "#translate/gateway/backends";
import { parseFilters } from "#translate/gateway/http-route/filters";
import type { RuleFilters } from "#translate/gateway/http-route/filters";
import { parseMatches } from "#translate/gateway/http-route/matches";
import { pathRewrite } from "#translate/gateway/http-route/path-modifier";
import { requestRedirect } from "#translate/gateway/http-route/redirect";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";
import { parseSession, sessionFor } from "#translate/gateway/http-route/session-persistence";
import { parseTargets } from "#translate/gateway/http-route/targets";
import { parsePatience } from "#translate/gateway/http-route/timeouts";
import type { Patience } from "#translate/gateway/http-route/timeouts";

/** The routes of one rule, and what is wrong with it. A rule with a mistake answers 500 where its matches are clear. */
export interface RuleTranslation {
  readonly routes: readonly Route[];
  readonly problem?: RuleProblem;
}

/** Follows one rule of an HTTPRoute. */
export function translateHttpRule(visit: RouteVisit, rule: HttpRouteRule, origin: Origin): RuleTranslation {
  return translateRule(visit, rule, parseMatches(rule.matches), origin);
}

/** Follows one rule whose matches are read. */
export function translateRule(visit: RouteVisit, rule: Omit<HttpRouteRule, "matches">, matches: Result<readonly RouteMatch[], RuleProblem>, origin: Origin): RuleTranslation {
  if (!matches.ok) return { routes: [], problem: matches.error };
  const routes = ruleRoutes(visit, rule, matches.value, origin);
  if (routes.ok) return { routes: routes.value };
  return { routes: matches.value.map((match) => route(match, failure(match), {}, origin)), problem: routes.error };
}

/** 500 for requests (HTTPRouteRule, `backendRefs`), UNAVAILABLE for calls (GRPCRouteRule, `backendRefs`), which is what gRPC makes of 503. */
function failure({ grpc }: RouteMatch): RouteAction {
  return { kind: "direct-response", status: grpc === undefined ? 500 : 503 };
}

function route(match: RouteMatch, action: RouteAction, policies: Route["policies"], origin: Origin): Route {
  return { match, priority: 0, action, policies, origin };
}

function ruleRoutes(visit: RouteVisit, rule: Omit<HttpRouteRule, "matches">, matches: readonly RouteMatch[], origin: Origin): Result<readonly Route[], RuleProblem> {
  // Backends first: what is wrong with references is told whatever else is wrong.
  const targets = parseTargets(visit, rule.backendRefs, origin);
  const filters = parseFilters(visit, rule.filters, origin);
  const patience = parsePatience(rule);
  if (!targets.ok) return targets;
  if (!filters.ok) return filters;
  if (!patience.ok) return patience;
  const session = parseSession(rule.sessionPersistence, origin);
  if (!session.ok) return session;
  const routes: Route[] = [];
  for (const match of matches) {
    const action = ruleAction(targets.value, filters.value, patience.value, match);
    if (!action.ok) return action;
    const policies = session.value === undefined ? filters.value.policies : { ...filters.value.policies, sessionPersistence: sessionFor(session.value, match.path) };
    routes.push(route(match, action.value, policies, origin));
  }
  return ok(routes);
}

function ruleAction(targets: readonly ForwardTarget[], filters: RuleFilters, patience: Patience, match: RouteMatch): Result<RouteAction, RuleProblem> {
  if (filters.redirect !== undefined) return requestRedirect(filters.redirect, match.path, "requestRedirect");
  const path = filters.rewrite?.path === undefined ? undefined : pathRewrite(filters.rewrite.path, match.path, "urlRewrite.path");
  if (path !== undefined && !path.ok) return path;
  if (targets.length === 0) return ok(failure(match));
  const host = filters.rewrite?.hostname;
  const hostRewrite: ForwardAction["hostRewrite"] = host === undefined ? filters.hostRewrite : { kind: "literal", host };
  return ok({
    kind: "forward",
    targets,
    mirrors: filters.mirrors,
    ...(path === undefined ? {} : { pathRewrite: path.value }),
    ...(hostRewrite === undefined ? {} : { hostRewrite }),
    ...patience,
    hashPolicies: [],
    websocket: true,
  });
}
