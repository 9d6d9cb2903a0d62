import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import { headerTextProblem, isHeaderName, isHeaderText } from "#lib/http-text";
import { largestUint32, rangeProblem } from "#lib/uint32";
import type { FieldPath } from "#k8s/object";
import type { GlobalRateLimit, LocalRateLimit, RateLimitEntry } from "#model/policy";
import { parseConditions } from "#translate/httpproxy/match-conditions";
import type { RouteSpec } from "#translate/httpproxy/routes";
import { isKnownStatus } from "#translate/shared/status-codes";
import type { Parsed } from "#translate/shared/parsed";

type Policy = RouteSpec["rateLimitPolicy"];
type EntrySpec = NonNullable<NonNullable<NonNullable<Policy>["global"]>["descriptors"]>[number]["entries"][number];

const unitMs: Readonly<Record<string, number>> = { second: 1000, minute: 60_000, hour: 3_600_000 };

function problem(scope: "host" | "route", at: FieldPath, message: string): HttpProxyProblem {
  return scope === "host" ? proxyError("VirtualHostError", "RateLimitPolicyNotValid", at, message) : proxyError("RouteError", "RateLimitPolicyNotValid", at, message);
}

/** Reads the local part: a token bucket in each Envoy. */
export function localRateLimit(policy: Policy, at: FieldPath, scope: "host" | "route"): Parsed<LocalRateLimit> {
  const local = policy?.local;
  if (policy !== undefined && local === undefined && policy.global === undefined) return { problems: [problem(scope, at, "this policy limits nothing; add local or global")] };
  if (local === undefined) return { problems: [] };
  const fillIntervalMs = unitMs[local.unit];
  if (fillIntervalMs === undefined) return { problems: [problem(scope, [...at, "local", "unit"], `${JSON.stringify(local.unit)} is not a unit; write second, minute or hour`)] };
  for (const [field, least] of [["requests", 1], ["burst", 0]] as const) {
    const wrong = rangeProblem(local[field], least);
    if (wrong !== undefined) return { problems: [problem(scope, [...at, "local", field], wrong)] };
  }
  if (local.requests + (local.burst ?? 0) > largestUint32) return { problems: [problem(scope, [...at, "local", "burst"], `requests and burst together are more than ${largestUint32}`)] };
  const statusCode = local.responseStatusCode || 429;
  for (const [i, { name, value }] of (local.responseHeadersToAdd ?? []).entries()) {
    if (!isHeaderName(name)) return { problems: [problem(scope, [...at, "local", "responseHeadersToAdd", i, "name"], `${JSON.stringify(name)} is not a header name`)] };
    if (!isHeaderText(value)) return { problems: [problem(scope, [...at, "local", "responseHeadersToAdd", i, "value"], headerTextProblem(value))] };
  }
  if (!isKnownStatus(statusCode)) return { problems: [problem(scope, [...at, "local", "responseStatusCode"], `Envoy cannot answer with ${statusCode}; write a registered status like 429 or 503`)] };
  return { problems: [], value: { maxTokens: local.requests + (local.burst ?? 0), tokensPerFill: local.requests, fillIntervalMs, statusCode, responseHeaders: (local.responseHeadersToAdd ?? []).map(({ name, value }) => ({ name, value: value.replaceAll("%", "%%") })) } };
}

/** Reads the global part: descriptors for the rate limit service. */
export function globalRateLimit(policy: Policy, at: FieldPath, scope: "host" | "route"): Parsed<GlobalRateLimit> {
  const global = policy?.global;
  if (global === undefined) return { problems: [] };
  if (global.disabled === true) return { problems: [], value: { kind: "disabled" } };
  const problems: HttpProxyProblem[] = [];
  const descriptors = (global.descriptors ?? []).map((descriptor, i) =>
    descriptor.entries.flatMap((entry, j) => {
      const parsed = parseEntry(entry, [...at, "global", "descriptors", i, "entries", j], scope);
      problems.push(...parsed.problems);
      return parsed.value === undefined ? [] : [parsed.value];
    }),
  );
  return problems.length > 0 ? { problems } : { problems, value: { kind: "descriptors", descriptors } };
}

function parseEntry(entry: EntrySpec, at: FieldPath, scope: "host" | "route"): Parsed<RateLimitEntry> {
  const kinds = (["genericKey", "requestHeader", "requestHeaderValueMatch", "remoteAddress"] as const).filter((kind) => entry[kind] !== undefined);
  if (kinds.length !== 1) return { problems: [problem(scope, at, `an entry needs exactly one of genericKey, requestHeader, requestHeaderValueMatch and remoteAddress; it has ${kinds.length === 0 ? "none" : kinds.join(" and ")}`)] };
  if (entry.genericKey !== undefined) return { problems: [], value: { kind: "generic-key", value: entry.genericKey.value, ...(entry.genericKey.key === undefined ? {} : { key: entry.genericKey.key }) } };
  if (entry.requestHeader !== undefined && !isHeaderName(entry.requestHeader.headerName)) return { problems: [problem(scope, [...at, "requestHeader", "headerName"], `${JSON.stringify(entry.requestHeader.headerName)} is not a header name`)] };
  if (entry.requestHeader !== undefined) return { problems: [], value: { kind: "request-header", header: entry.requestHeader.headerName.toLowerCase(), descriptorKey: entry.requestHeader.descriptorKey } };
  if (entry.requestHeaderValueMatch === undefined) return { problems: [], value: { kind: "remote-address" } };
  const { headers = [], expectMatch = true, value } = entry.requestHeaderValueMatch;
  const block = parseConditions(headers.map((header) => ({ header })), [...at, "requestHeaderValueMatch", "headers"], "route");
  if (block.value === undefined) return { problems: block.problems.map((found) => problem(scope, found.path, found.message)) };
  return { problems: [], value: { kind: "header-value-match", headers: block.value.headers, expectMatch, value } };
}
