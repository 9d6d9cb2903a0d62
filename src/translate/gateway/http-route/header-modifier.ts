import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { HeaderPolicy, HostRewrite } from "#model/route";
import type { HeaderModifier } from "#translate/gateway/api";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";

/** What a modifier of request headers means: Envoy changes the Host by other means than other headers. */
export interface RequestHeaderChange {
  readonly headers: HeaderPolicy;
  readonly hostRewrite?: HostRewrite;
}

/** Reads a RequestHeaderModifier. Setting `Host` rewrites the host. */
export function requestHeaders(modifier: HeaderModifier | undefined, at: string): Result<RequestHeaderChange, RuleProblem> {
  const host = modifier?.set?.find(({ name }) => isHost(name));
  if (host !== undefined && !/^[!-~]+$/.test(host.value)) return fail(unsupported(`${at}: ${JSON.stringify(host.value)} is not a host`));
  const set = (modifier?.set ?? []).filter(({ name }) => !isHost(name));
  const headers = headerPolicy({ ...modifier, set }, at);
  if (!headers.ok) return headers;
  return ok({ headers: headers.value, ...(host === undefined ? {} : { hostRewrite: { kind: "literal" as const, host: host.value } }) });
}

/** Reads a ResponseHeaderModifier. */
export function responseHeaders(modifier: HeaderModifier | undefined, at: string): Result<HeaderPolicy, RuleProblem> {
  return headerPolicy(modifier ?? {}, at);
}

function isHost(name: string): boolean {
  return name.toLowerCase() === "host";
}

function headerPolicy({ set = [], add = [], remove = [] }: HeaderModifier, at: string): Result<HeaderPolicy, RuleProblem> {
  const values = [...set, ...add];
  for (const name of [...values.map((header) => header.name), ...remove]) {
    if (!/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name)) return fail(unsupported(`${at}: ${JSON.stringify(name)} is not a header name`));
    if (isHost(name)) return fail(unsupported(`${at}: the Host header cannot be added or removed; set it, or use URLRewrite with a hostname`));
  }
  const broken = values.find(({ value }) => /[\0\r\n]/.test(value));
  if (broken !== undefined) return fail(unsupported(`${at}: the value of ${JSON.stringify(broken.name)} has a line break`));
  return ok({ set: firstOfEachName(set), add: firstOfEachName(add), remove: [...new Set(remove)] });
}

/** Of several entries with one name only the first counts, as the specification says. */
function firstOfEachName(headers: readonly { readonly name: string; readonly value: string }[]): readonly { readonly name: string; readonly value: string }[] {
  const byName = new Map<string, { readonly name: string; readonly value: string }>();
  for (const { name, value } of headers) if (!byName.has(name.toLowerCase())) byName.set(name.toLowerCase(), { name, value: escapeFormat(value) });
  return [...byName.values()];
}

/** Envoy reads `%` in header values as the start of a command; doubled it is a percent sign. */
function escapeFormat(value: string): string {
  return value.replaceAll("%", "%%");
}
