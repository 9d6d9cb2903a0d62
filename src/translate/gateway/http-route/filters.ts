import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Origin } from "#model/origin";
import type { HostRewrite, Mirror, RoutePolicies } from "#model/route";
import type { HttpRouteFilter } from "#translate/gateway/api";
import type { RouteVisit } from "#translate/gateway/backends";
import { corsPolicy } from "#translate/gateway/http-route/cors";
import { requestHeaders, responseHeaders } from "#translate/gateway/http-route/header-modifier";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";

/** What the filters of a rule add up to. */
export interface RuleFilters {
  readonly policies: RoutePolicies;
  readonly mirrors: readonly Mirror[];
  readonly hostRewrite?: HostRewrite;
  readonly redirect?: NonNullable<HttpRouteFilter["requestRedirect"]>;
  readonly rewrite?: NonNullable<HttpRouteFilter["urlRewrite"]>;
}

type Draft = { -readonly [K in keyof RuleFilters]: RuleFilters[K] };

/** Reads the filters of a rule. A filter that is not known must not be skipped: it makes the rule fail. */
export function parseFilters(visit: RouteVisit, filters: readonly HttpRouteFilter[] | undefined, origin: Origin): Result<RuleFilters, RuleProblem> {
  const draft: Draft = { policies: {}, mirrors: [] };
  const seen = new Set<string>();
  for (const [i, filter] of (filters ?? []).entries()) {
    const at = `filters[${i}]`;
    if (seen.has(filter.type) && filter.type !== "RequestMirror") return fail(unsupported(`${at}: there is another ${filter.type} in this rule; put them together`));
    seen.add(filter.type);
    const problem = addFilter(visit, draft, filter, at, origin);
    if (problem !== undefined) return fail(problem);
  }
  if (draft.redirect !== undefined && draft.rewrite !== undefined) return fail({ reason: "IncompatibleFilters", message: "filters: RequestRedirect and URLRewrite cannot be in one rule; remove one" });
  return ok(draft);
}

function addFilter(visit: RouteVisit, draft: Draft, filter: HttpRouteFilter, at: string, origin: Origin): RuleProblem | undefined {
  switch (filter.type) {
    case "RequestHeaderModifier":
      return addRequestHeaders(draft, filter, at);
    case "ResponseHeaderModifier":
      return addResponseHeaders(draft, filter, at);
    case "RequestMirror":
      return addMirror(visit, draft, filter, at, origin);
    case "RequestRedirect":
      draft.redirect = filter.requestRedirect ?? {};
      return undefined;
    case "URLRewrite":
      draft.rewrite = filter.urlRewrite ?? {};
      return undefined;
    case "CORS":
      draft.policies = { ...draft.policies, cors: corsPolicy(filter.cors ?? {}) };
      return undefined;
    default:
      return unsupported(`${at}.type ${JSON.stringify(filter.type)} is not supported; requests of this rule are answered with 500`);
  }
}

function addRequestHeaders(draft: Draft, filter: HttpRouteFilter, at: string): RuleProblem | undefined {
  const change = requestHeaders(filter.requestHeaderModifier, at);
  if (!change.ok) return change.error;
  draft.policies = { ...draft.policies, requestHeaders: change.value.headers };
  if (change.value.hostRewrite !== undefined) draft.hostRewrite = change.value.hostRewrite;
  return undefined;
}

function addResponseHeaders(draft: Draft, filter: HttpRouteFilter, at: string): RuleProblem | undefined {
  const headers = responseHeaders(filter.responseHeaderModifier, at);
  if (!headers.ok) return headers.error;
  draft.policies = { ...draft.policies, responseHeaders: headers.value };
  return undefined;
}

/** A mirror that leads nowhere is left out and reported; the requests themselves go on. */
function addMirror(visit: RouteVisit, draft: Draft, { requestMirror: mirror }: HttpRouteFilter, at: string, origin: Origin): RuleProblem | undefined {
  if (mirror === undefined) return unsupported(`${at}.requestMirror is missing`);
  const percent = mirrorPercent(mirror);
  if (percent < 0 || percent > 100) return unsupported(`${at}: the share of mirrored requests must be between none and all of them`);
  const cluster = visit.resolve(mirror.backendRef, `${at}.requestMirror.backendRef`, origin);
  if (cluster !== undefined && percent > 0) draft.mirrors = [...draft.mirrors, { cluster, percent }];
  return undefined;
}

function mirrorPercent({ percent, fraction }: NonNullable<HttpRouteFilter["requestMirror"]>): number {
  if (fraction === undefined) return percent ?? 100;
  return (100 * fraction.numerator) / (fraction.denominator ?? 100);
}
