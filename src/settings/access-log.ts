import { nearestName } from "#lib/nearest-name";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";

/** What a line of the access log looks like. */
export type AccessLogFormat =
  /** Envoy's default line. */
  | { readonly kind: "default" }
  | { readonly kind: "text"; readonly text: string }
  /** A JSON object: name → text with Envoy's operators. What is empty is left out. */
  | { readonly kind: "json"; readonly fields: Readonly<Record<string, string>> };

/** Where access logs go over OTLP. */
export interface OtlpLog {
  /** The cluster of the collector. */
  readonly cluster: string;
  readonly serviceName: string;
  /** The body of a record: text with Envoy's operators. */
  readonly line: string;
  /** The attributes of a record: name → text with Envoy's operators. */
  readonly fields: Readonly<Record<string, string>>;
}

/** The body of a record for which no text is chosen. */
export const defaultOtlpLine = "%REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE%";

/** Which requests and connections are logged: all, those with a status of 300 or more, of 500 or more (both with all on which Envoy set a flag), or none. */
export type AccessLogLevel = (typeof accessLogLevels)[number];

/** The levels of an access log, the most talkative first. */
export const accessLogLevels = ["info", "error", "critical", "disabled"] as const;

/** The names that stand for an operator, as Go Contour has them. */
const aliases: Readonly<Record<string, string>> = {
  "@timestamp": "%START_TIME%",
  ts: "%START_TIME%",
  authority: "%REQ(:AUTHORITY)%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  contour_config_kind: "%METADATA(ROUTE:envoy.access_loggers.file:io.projectcontour.kind)%",
  contour_config_name: "%METADATA(ROUTE:envoy.access_loggers.file:io.projectcontour.name)%",
  contour_config_namespace: "%METADATA(ROUTE:envoy.access_loggers.file:io.projectcontour.namespace)%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
  duration: "%DURATION%",
  grpc_status: "%GRPC_STATUS%",
  grpc_status_number: "%GRPC_STATUS_NUMBER%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  request_id: "%REQ(X-REQUEST-ID)%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  response_code: "%RESPONSE_CODE%",
  response_flags: "%RESPONSE_FLAGS%",
  tls_ja3_fingerprint: "%TLS_JA3_FINGERPRINT%",
  tls_ja4_fingerprint: "%TLS_JA4_FINGERPRINT%",
  uber_trace_id: "%REQ(UBER-TRACE-ID)%",
  upstream_cluster: "%UPSTREAM_CLUSTER%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_local_address: "%UPSTREAM_LOCAL_ADDRESS%",
  upstream_service_time: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  user_agent: "%REQ(USER-AGENT)%",
  x_forwarded_for: "%REQ(X-FORWARDED-FOR)%",
  x_trace_id: "%REQ(X-TRACE-ID)%",
};

/** The fields of a JSON access log for which nothing is chosen. */
export const defaultJsonFields: readonly string[] = [
  "@timestamp", "authority", "bytes_received", "bytes_sent", "downstream_local_address", "downstream_remote_address", "duration", "method", "path", "protocol", "request_id",
  "requested_server_name", "response_code", "response_flags", "uber_trace_id", "upstream_cluster", "upstream_host", "upstream_local_address", "upstream_service_time", "user_agent",
  "x_forwarded_for", "grpc_status", "grpc_status_number",
];

/** A JSON access log for which nothing is chosen. */
export const defaultJsonFormat: Extract<AccessLogFormat, { readonly kind: "json" }> = { kind: "json", fields: Object.fromEntries(defaultJsonFields.map((name) => [name, aliases[name] ?? ""])) };

/** Operators of Envoy's access log without an argument (Envoy, "Access logging", command operators). */
export const simpleOperators: readonly string[] = [
  "BYTES_RECEIVED", "BYTES_SENT", "CONNECTION_ID", "CONNECTION_TERMINATION_DETAILS", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_DIRECT_REMOTE_PORT",
  "DOWNSTREAM_HEADER_BYTES_RECEIVED", "DOWNSTREAM_HEADER_BYTES_SENT", "DOWNSTREAM_HANDSHAKE_DURATION", "DOWNSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_LOCAL_PORT",
  "DOWNSTREAM_LOCAL_SUBJECT", "DOWNSTREAM_LOCAL_URI_SAN", "DOWNSTREAM_LOCAL_DNS_SAN", "DOWNSTREAM_PEER_CERT", "DOWNSTREAM_PEER_CERT_V_END", "DOWNSTREAM_PEER_CERT_V_START", "DOWNSTREAM_PEER_DNS_SAN",
  "DOWNSTREAM_PEER_FINGERPRINT_1", "DOWNSTREAM_PEER_FINGERPRINT_256", "DOWNSTREAM_PEER_ISSUER", "DOWNSTREAM_PEER_SERIAL", "DOWNSTREAM_PEER_SUBJECT", "DOWNSTREAM_PEER_URI_SAN", "DOWNSTREAM_REMOTE_ADDRESS",
  "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_REMOTE_PORT", "DOWNSTREAM_TLS_CIPHER", "DOWNSTREAM_TLS_SESSION_ID", "DOWNSTREAM_TLS_VERSION", "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
  "DOWNSTREAM_WIRE_BYTES_RECEIVED", "DOWNSTREAM_WIRE_BYTES_SENT", "DURATION", "FILTER_CHAIN_NAME", "GRPC_STATUS", "GRPC_STATUS_NUMBER", "HOSTNAME", "PROTOCOL", "REQUESTED_SERVER_NAME",
  "REQUEST_DURATION", "REQUEST_TX_DURATION", "RESPONSE_CODE", "RESPONSE_CODE_DETAILS", "RESPONSE_DURATION", "RESPONSE_FLAGS", "RESPONSE_FLAGS_LONG", "RESPONSE_TX_DURATION", "ROUTE_NAME", "STREAM_ID",
  "TLS_JA3_FINGERPRINT", "TLS_JA4_FINGERPRINT", "UNIQUE_ID", "UPSTREAM_CLUSTER", "UPSTREAM_CLUSTER_RAW", "UPSTREAM_HEADER_BYTES_RECEIVED", "UPSTREAM_HEADER_BYTES_SENT", "UPSTREAM_HOST", "UPSTREAM_HOST_NAME",
  "UPSTREAM_LOCAL_ADDRESS", "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "UPSTREAM_LOCAL_PORT", "UPSTREAM_PEER_CERT", "UPSTREAM_PEER_CERT_V_END", "UPSTREAM_PEER_CERT_V_START", "UPSTREAM_PEER_ISSUER",
  "UPSTREAM_PEER_SUBJECT", "UPSTREAM_PROTOCOL", "UPSTREAM_REMOTE_ADDRESS", "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "UPSTREAM_REMOTE_PORT", "UPSTREAM_REQUEST_ATTEMPT_COUNT", "UPSTREAM_TLS_CIPHER",
  "UPSTREAM_TLS_SESSION_ID", "UPSTREAM_TLS_VERSION", "UPSTREAM_TRANSPORT_FAILURE_REASON", "UPSTREAM_WIRE_BYTES_RECEIVED", "UPSTREAM_WIRE_BYTES_SENT", "VIRTUAL_CLUSTER_NAME",
];

/** Operators that need an argument. */
const operatorsWithArgument: readonly string[] = ["ENVIRONMENT", "METADATA", "REQ", "REQ_WITHOUT_QUERY", "RESP", "TRAILER"];

/** Reads the fields of a JSON access log: a known name, an operator in lower case, or `name=text` with operators in it. The index of what is wrong comes with the error. */
export function parseJsonFields(fields: readonly string[]): Result<Readonly<Record<string, string>>, { readonly index: number; readonly message: string }> {
  const found: Record<string, string> = {};
  for (const [index, field] of fields.entries()) {
    const parsed = parseField(field);
    if (!parsed.ok) return fail({ index, message: parsed.error });
    const [name, text] = parsed.value;
    found[name] = text;
  }
  return ok(found);
}

function parseField(field: string): Result<readonly [string, string], string> {
  const equals = field.indexOf("=");
  if (equals > 0) {
    const [name, text] = [field.slice(0, equals), field.slice(equals + 1)];
    const problem = operatorsProblem(text);
    return problem === undefined ? ok([name, text]) : fail(problem);
  }
  const alias = aliases[field];
  if (alias !== undefined) return ok([field, alias]);
  if (simpleOperators.includes(field.toUpperCase()) && field === field.toLowerCase()) return ok([field, `%${field.toUpperCase()}%`]);
  const nearest = nearestName(field, [...Object.keys(aliases), ...simpleOperators.map((name) => name.toLowerCase())]);
  return fail(`${JSON.stringify(field)} is no field; write ${nearest === undefined ? "a known one" : JSON.stringify(nearest)}, or name=%OPERATOR%`);
}

/** Checks a line's text: Envoy refuses a whole listener for one operator that it does not know. */
export function parseTextFormat(text: string): Result<string, string> {
  const problem = operatorsProblem(text);
  if (problem !== undefined) return fail(problem);
  return text.endsWith("\n") ? ok(text) : fail(`${JSON.stringify(text)} does not end in a line break; add \\n`);
}

// The argument of START_TIME has percent signs of its own.
const operator = /%(START_TIME)(\([^)]*\))?(:\d+)?%|%([A-Z0-9_]+)(\([^%]*?\))?(:\d+)?%|%%|%/g;

function operatorsProblem(text: string): string | undefined {
  for (const [whole, start, startArgument, startLength, other, otherArgument, otherLength] of text.matchAll(operator)) {
    if (whole === "%%") continue;
    const [name, argument, length] = start === undefined ? [other, otherArgument, otherLength] : [start, startArgument, startLength];
    if (name === undefined) return `${JSON.stringify(text)} has a % that begins no operator; write %% for the character itself`;
    const problem = operatorProblem(name, argument !== undefined, length !== undefined);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function operatorProblem(name: string, hasArgument: boolean, hasLength: boolean): string | undefined {
  if (name === "START_TIME") return hasLength ? "%START_TIME% cannot be shortened; remove the length" : undefined;
  if (operatorsWithArgument.includes(name)) return hasArgument ? undefined : `%${name}% needs an argument, like %${name}(X)%`;
  if (simpleOperators.includes(name)) return hasArgument ? `%${name}% has no argument; remove it` : undefined;
  const nearest = nearestName(name, ["START_TIME", ...operatorsWithArgument, ...simpleOperators]);
  return `Envoy has no operator %${name}%${nearest === undefined ? "" : `; did you mean %${nearest}%?`}`;
}
