import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { escapeRegex } from "#lib/regex";
import type { Origin } from "#model/origin";
import type { PathMatch, RouteMatch } from "#model/route";
import type { GrpcRouteMatch, GrpcRouteRule } from "#translate/gateway/api";
import type { RouteVisit } from "#translate/gateway/backends";
import { parseHeaders } from "#translate/gateway/http-route/matches";
import { translateRule } from "#translate/gateway/http-route/rule";
import type { RuleTranslation } from "#translate/gateway/http-route/rule";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";
import { parseRegex } from "#translate/shared/regex";

/** The filters that gRPC calls can have (GRPCRouteFilter). */
const known = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"];

/** Follows one rule of a GRPCRoute. */
export function translateGrpcRule(visit: RouteVisit, rule: GrpcRouteRule, origin: Origin): RuleTranslation {
  const foreign = (rule.filters ?? []).findIndex(({ type }) => !known.includes(type));
  const matches = parseMatches(rule.matches);
  if (foreign === -1 || !matches.ok) return translateRule(visit, rule, matches, origin);
  const problem = unsupported(`filters[${foreign}].type ${JSON.stringify(rule.filters?.[foreign]?.type)} is not supported; calls of this rule fail`);
  // Without backends, calls are answered with an error.
  return { ...translateRule(visit, {}, matches, origin), problem };
}

function parseMatches(matches: readonly GrpcRouteMatch[] | undefined): Result<readonly RouteMatch[], RuleProblem> {
  const parsed: RouteMatch[] = [];
  for (const [i, match] of (matches === undefined || matches.length === 0 ? [{}] : matches).entries()) {
    const path = parseMethod(match.method, `matches[${i}].method`);
    if (!path.ok) return path;
    const headers = parseHeaders(match.headers, `matches[${i}].headers`);
    if (!headers.ok) return headers;
    parsed.push({ path: path.value, grpc: { service: match.method?.service?.length ?? 0, method: match.method?.method?.length ?? 0 }, headers: headers.value, queryParameters: [] });
  }
  return ok(parsed);
}

/** The path of a gRPC call is `/service/method` (gRPC over HTTP/2). */
function parseMethod(call: GrpcRouteMatch["method"], at: string): Result<PathMatch, RuleProblem> {
  const { type = "Exact", service, method } = call ?? {};
  if (service === undefined && method === undefined) return ok({ kind: "prefix", path: "/", by: "string" });
  if (type === "Exact") return ok(exact(service, method));
  if (type !== "RegularExpression") return fail(unsupported(`${at}.type is ${JSON.stringify(type)}; use Exact or RegularExpression`));
  for (const part of [service, method]) {
    const regex = part === undefined ? undefined : parseRegex(part);
    if (regex !== undefined && !regex.ok) return fail(unsupported(`${at}: ${regex.error}`));
  }
  return ok({ kind: "regex", pattern: `/${group(service)}/${group(method)}` });
}

function group(pattern: string | undefined): string {
  return pattern === undefined ? "[^/]+" : `(?:${pattern})`;
}

function exact(service: string | undefined, method: string | undefined): PathMatch {
  if (service !== undefined && method !== undefined) return { kind: "exact", path: `/${service}/${method}` };
  if (service !== undefined) return { kind: "prefix", path: `/${service}/`, by: "string" };
  return { kind: "regex", pattern: `/[^/]+/${escapeRegex(method ?? "")}` };
}
