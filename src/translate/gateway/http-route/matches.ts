import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { HeaderMatch, PathMatch, QueryMatch, RouteMatch, ValueMatch } from "#model/route";
import type { HttpRouteMatch, NamedValueMatch } from "#translate/gateway/api";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";
import { parseRegex } from "#translate/shared/regex";

/** Reads the alternatives of a rule; without any, everything matches. */
export function parseMatches(matches: readonly HttpRouteMatch[] | undefined): Result<readonly RouteMatch[], RuleProblem> {
  const parsed: RouteMatch[] = [];
  for (const [i, match] of (matches === undefined || matches.length === 0 ? [{}] : matches).entries()) {
    const result = parseMatch(match, `matches[${i}]`);
    if (!result.ok) return result;
    parsed.push(result.value);
  }
  return ok(parsed);
}

function parseMatch(match: HttpRouteMatch, at: string): Result<RouteMatch, RuleProblem> {
  const path = parsePath(match.path ?? {}, `${at}.path`);
  if (!path.ok) return path;
  const headers = parseHeaders(match.headers, `${at}.headers`);
  if (!headers.ok) return headers;
  const queryParameters = parseValues(match.queryParams, `${at}.queryParams`, (name) => name);
  if (!queryParameters.ok) return queryParameters;
  const method = match.method === undefined ? {} : { method: match.method };
  return ok({ path: path.value, ...method, headers: headers.value, queryParameters: queryParameters.value });
}

/** Reads tests of headers. */
export function parseHeaders(matches: readonly NamedValueMatch[] | undefined, at: string): Result<readonly HeaderMatch[], RuleProblem> {
  const headers = parseValues(matches, at, (name) => name.toLowerCase());
  return headers.ok ? ok(headers.value.map(headerMatch)) : headers;
}

function parsePath({ type = "PathPrefix", value = "/" }: NonNullable<HttpRouteMatch["path"]>, at: string): Result<PathMatch, RuleProblem> {
  if (type === "RegularExpression") {
    const regex = parseRegex(value);
    return regex.ok ? ok({ kind: "regex", pattern: regex.value }) : fail(unsupported(`${at}.value: ${regex.error}`));
  }
  if (type !== "Exact" && type !== "PathPrefix") return fail(unsupported(`${at}.type is ${JSON.stringify(type)}; use Exact, PathPrefix or RegularExpression`));
  if (!value.startsWith("/")) return fail(unsupported(`${at}.value ${JSON.stringify(value)} does not begin with a slash`));
  if (value.includes("//")) return fail(unsupported(`${at}.value ${JSON.stringify(value)} has two slashes in a row; no request has them, as they are merged before`));
  return ok(type === "Exact" ? { kind: "exact", path: value } : prefixMatch(value));
}

/** A trailing slash of a prefix has no meaning in Gateway API. */
function prefixMatch(value: string): PathMatch {
  return { kind: "prefix", path: value === "/" ? value : value.replace(/\/$/, ""), by: "segment" };
}

/** Reads tests of named values. Of several with one name only the first counts, as the specification says. */
function parseValues(matches: readonly NamedValueMatch[] | undefined, at: string, normalName: (name: string) => string): Result<readonly QueryMatch[], RuleProblem> {
  const parsed = new Map<string, ValueMatch>();
  for (const [i, { type = "Exact", name, value }] of (matches ?? []).entries()) {
    const key = normalName(name);
    const result = parseValue(type, value, `${at}[${i}]`);
    if (!result.ok) return result;
    if (!parsed.has(key)) parsed.set(key, result.value);
  }
  return ok([...parsed].map(([name, value]) => ({ name, value })));
}

function parseValue(type: string, value: string, at: string): Result<ValueMatch, RuleProblem> {
  if (type === "Exact") return ok({ kind: "exact", value, ignoreCase: false });
  if (type !== "RegularExpression") return fail(unsupported(`${at}.type is ${JSON.stringify(type)}; use Exact or RegularExpression`));
  const regex = parseRegex(value);
  return regex.ok ? ok({ kind: "regex", pattern: regex.value }) : fail(unsupported(`${at}.value: ${regex.error}`));
}

function headerMatch({ name, value }: QueryMatch): HeaderMatch {
  return { name, value, invert: false, treatMissingAsEmpty: false };
}
