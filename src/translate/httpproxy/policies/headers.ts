import { headerTextProblem, isHeaderName, isHeaderText } from "#lib/http-text";
import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import type { FieldPath } from "#k8s/object";
import type { ForwardTarget, HeaderPolicy, HostRewrite } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Parsed } from "#translate/shared/parsed";

/** Changes to headers as an HTTPProxy writes them. */
export interface HeadersSpec {
  readonly set?: ReadonlyArray<{ readonly name: string; readonly value: string }>;
  readonly remove?: readonly string[];
}

/** Which headers, of what, and what may be put in for Contour's own variables. */
export interface HeaderContext {
  readonly direction: "request" | "response";
  readonly scope: "host" | "route" | "service";
  readonly variables: { readonly namespace: string; readonly service?: string; readonly port?: string };
}

/** Header changes, and what becomes of the Host of requests. */
export interface Headers {
  readonly policy: HeaderPolicy;
  readonly hostRewrite?: HostRewrite;
}

/** Envoy's formatter operators that users may put into values; every other percent sign is text. */
const dynamicVariables = new Set([
  "DOWNSTREAM_REMOTE_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_REMOTE_PORT", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_LOCAL_PORT", "DOWNSTREAM_LOCAL_URI_SAN", "DOWNSTREAM_PEER_URI_SAN", "DOWNSTREAM_LOCAL_SUBJECT", "DOWNSTREAM_PEER_SUBJECT", "DOWNSTREAM_PEER_ISSUER", "DOWNSTREAM_TLS_SESSION_ID", "DOWNSTREAM_TLS_CIPHER", "DOWNSTREAM_TLS_VERSION", "DOWNSTREAM_PEER_FINGERPRINT_256", "DOWNSTREAM_PEER_FINGERPRINT_1", "DOWNSTREAM_PEER_SERIAL", "DOWNSTREAM_PEER_CERT", "DOWNSTREAM_PEER_CERT_V_START", "DOWNSTREAM_PEER_CERT_V_END", "HOSTNAME", "PROTOCOL", "UPSTREAM_REMOTE_ADDRESS", "RESPONSE_FLAGS", "RESPONSE_CODE_DETAILS", "TLS_JA3_FINGERPRINT", "TLS_JA4_FINGERPRINT",
]);

/** Reads a header policy of a route or service. Host on requests becomes a rewrite; on responses it is refused. */
export function headerPolicy(spec: HeadersSpec | undefined, at: FieldPath, context: HeaderContext): Parsed<Headers> {
  if (spec === undefined) return { problems: [] };
  const problems: HttpProxyProblem[] = [];
  const refuse = (path: FieldPath, message: string): void => void problems.push(headerProblem(context, path, message));
  const set: { name: string; value: string }[] = [];
  let hostRewrite: HostRewrite | undefined;
  for (const [i, entry] of (spec.set ?? []).entries()) {
    const name = entry.name.toLowerCase();
    const path = [...at, "set", i];
    if (!isHeaderText(entry.value)) refuse([...path, "value"], headerTextProblem(entry.value));
    else if (name === "host") {
      if (context.direction === "response") refuse(path, "a response has no Host header; remove this entry");
      else if (context.scope === "host") refuse(path, "what backends see as Host is decided by routes and services; move this entry there");
      else hostRewrite = rewriteHost(entry.value, context);
    } else if (!isHeaderName(name)) refuse([...path, "name"], `${JSON.stringify(entry.name)} is not a header name`);
    else if (set.some((other) => other.name === name)) refuse([...path, "name"], `header ${JSON.stringify(entry.name)} is set twice; keep one of the entries`);
    else set.push({ name, value: escapeValue(entry.value, context) });
  }
  const remove = removals(spec.remove ?? [], [...at, "remove"], refuse);
  if (problems.length > 0) return { problems };
  return { problems, value: { policy: { set, add: [], remove }, ...(hostRewrite === undefined ? {} : { hostRewrite }) } };
}

function removals(names: readonly string[], at: FieldPath, refuse: (path: FieldPath, message: string) => void): readonly string[] {
  const lower = names.map((name) => name.toLowerCase());
  for (const [i, name] of lower.entries()) {
    if (!isHeaderName(name)) refuse([...at, i], `${JSON.stringify(names[i])} is not a header name`);
    else if (lower.indexOf(name) !== i) refuse([...at, i], `header ${JSON.stringify(names[i])} is removed twice; keep one of the entries`);
  }
  return lower;
}

function headerProblem(context: HeaderContext, path: FieldPath, message: string): HttpProxyProblem {
  if (context.scope === "host") return proxyError("VirtualHostError", context.direction === "request" ? "RequestHeadersPolicyInvalid" : "ResponseHeadersPolicyInvalid", path, message);
  if (context.direction === "request") return context.scope === "route" ? proxyError("RouteError", "RequestHeadersPolicyInvalid", path, message) : proxyError("ServiceError", "RequestHeadersPolicyInvalid", path, message);
  return context.scope === "route" ? proxyError("RouteError", "ResponseHeaderPolicyInvalid", path, message) : proxyError("ServiceError", "ResponseHeadersPolicyInvalid", path, message);
}

function rewriteHost(value: string, context: HeaderContext): HostRewrite {
  const dynamic = /^%REQ\(([A-Za-z0-9-]+)\)%$/.exec(value);
  if (dynamic?.[1] !== undefined && context.scope === "route") return { kind: "header", header: dynamic[1].toLowerCase() };
  return { kind: "literal", host: value };
}

/** Puts two policies together: what the inner one says about a header counts. */
export function mergeHeaders(outer: HeaderPolicy | undefined, inner: HeaderPolicy | undefined): HeaderPolicy | undefined {
  if (outer === undefined || inner === undefined) return inner ?? outer;
  const decided = new Set([...inner.set.map(({ name }) => name), ...inner.remove]);
  return {
    set: [...outer.set.filter(({ name }) => !decided.has(name)), ...inner.set],
    add: [...outer.add, ...inner.add],
    remove: [...outer.remove.filter((name) => !decided.has(name)), ...inner.remove],
  };
}

/** The header changes for one backend: those of the installation, with its own on top. */
export function backendHeaders({ headerPolicy: defaults }: Settings, variables: HeaderContext["variables"], request: HeaderPolicy | undefined, response: HeaderPolicy | undefined): Pick<ForwardTarget, "requestHeaders" | "responseHeaders"> {
  const requestHeaders = mergeHeaders(defaultHeaders(defaults?.requestHeaders, { direction: "request", scope: "service", variables }), request);
  const responseHeaders = mergeHeaders(defaultHeaders(defaults?.responseHeaders, { direction: "response", scope: "service", variables }), response);
  return { ...(requestHeaders === undefined ? {} : { requestHeaders }), ...(responseHeaders === undefined ? {} : { responseHeaders }) };
}

/** What is no header is left out: it would make Envoy refuse every route. */
function defaultHeaders(spec: { readonly set?: Readonly<Record<string, string>>; readonly remove?: readonly string[] } | undefined, context: HeaderContext): HeaderPolicy | undefined {
  if (spec === undefined) return undefined;
  const set = Object.entries(spec.set ?? {}).map(([name, value]) => ({ name: name.toLowerCase(), value: escapeValue(value, context) }));
  const usable = (name: string): boolean => isHeaderName(name) && name !== "host";
  return { set: set.filter(({ name, value }) => usable(name) && isHeaderText(value)), add: [], remove: (spec.remove ?? []).map((name) => name.toLowerCase()).filter(usable) };
}

/** Makes text safe for Envoy's formatter: percent signs are doubled, but for the operators that are allowed. */
export function escapeValue(value: string, { variables }: HeaderContext): string {
  const own: Readonly<Record<string, string | undefined>> = { CONTOUR_NAMESPACE: variables.namespace, CONTOUR_SERVICE_NAME: variables.service, CONTOUR_SERVICE_PORT: variables.port };
  const escaped = (text: string): string => text.replaceAll("%", "%%");
  return value.replace(/%([A-Z0-9_]+|REQ\([A-Za-z0-9-]+(?:\?[A-Za-z0-9-]+)?\)(?::\d+)?)%|%/g, (whole: string, operator: string | undefined) => {
    if (operator === undefined) return "%%";
    if (own[operator] !== undefined) return escaped(own[operator]);
    return dynamicVariables.has(operator) || operator.startsWith("REQ(") ? whole : escaped(whole);
  });
}
