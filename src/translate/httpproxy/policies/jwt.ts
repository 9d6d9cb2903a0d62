import { isIP } from "node:net";
import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem, ProblemReason } from "#conditions/http-proxy";
import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { contentId } from "#lib/content-id";
import { parseGoDuration } from "#lib/go-duration";
import type { FieldPath } from "#k8s/object";
import type { Cluster, UpstreamValidation } from "#model/cluster";
import type { JwtProvider } from "#model/policy";
import type { RoutePolicies } from "#model/route";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { PemResolver } from "#translate/shared/authorities";
import type { Parsed } from "#translate/shared/parsed";

type Spec = NonNullable<NonNullable<HTTPProxy["spec"]["virtualhost"]>["jwtProviders"]>[number];
type RemoteSpec = NonNullable<Spec["remoteJWKS"]>;

/** The providers of a host, and the clusters that their remote keys are fetched from. */
export interface JwtProviders {
  readonly providers: readonly JwtProvider[];
  readonly clusters: readonly Cluster[];
}

/** What jwtProviders may look up. */
export interface JwtSources {
  readonly dnsLookupFamily: "auto" | "v4" | "v6" | "all";
  /** TLS to servers of keys. */
  readonly tls: Pick<Cluster, "minimumTlsVersion" | "maximumTlsVersion">;
  readonly secretKey: (name: string, key: string) => string | undefined;
  readonly caCertificate: PemResolver;
}

type Keys = { readonly keys: JwtProvider["keys"]; readonly cluster?: Cluster };
type Outcome<T> = { readonly value: T } | { readonly problem: HttpProxyProblem };

function problem(reason: ProblemReason<"JWTVerificationError">, at: FieldPath, message: string): { readonly problem: HttpProxyProblem } {
  return { problem: proxyError("JWTVerificationError", reason, at, message) };
}

/** Reads jwtProviders. With any error there is no value: a host whose tokens cannot be checked is not served. */
export function jwtProviders(specs: readonly Spec[], at: FieldPath, sources: JwtSources): Parsed<JwtProviders> {
  const problems: HttpProxyProblem[] = [];
  const found: { provider: JwtProvider; cluster?: Cluster }[] = [];
  for (const [i, spec] of specs.entries()) {
    const path = [...at, i];
    if (specs.findIndex((other) => other.name === spec.name) !== i) problems.push(problem("DuplicateProviderName", [...path, "name"], `provider ${JSON.stringify(spec.name)} is defined twice; rename one of them`).problem);
    else if (spec.default === true && specs.findIndex((other) => other.default === true) !== i) problems.push(problem("MultipleDefaultProvidersSpecified", [...path, "default"], "only one provider can be the default").problem);
    else {
      const keys = providerKeys(spec, path, sources);
      if ("problem" in keys) problems.push(keys.problem);
      else found.push({ provider: provider(spec, keys.value.keys), ...(keys.value.cluster === undefined ? {} : { cluster: keys.value.cluster }) });
    }
  }
  if (problems.length > 0) return { problems };
  return { problems, value: { providers: found.map((entry) => entry.provider), clusters: found.flatMap((entry) => entry.cluster ?? []) } };
}

function provider(spec: Spec, keys: JwtProvider["keys"]): JwtProvider {
  const contents = { issuer: spec.issuer ?? "", audiences: spec.audiences ?? [], forward: spec.forwardJWT ?? false, keys };
  return { id: contentId(spec.name, contents), name: spec.name, default: spec.default ?? false, ...contents };
}

function providerKeys(spec: Spec, at: FieldPath, sources: JwtSources): Outcome<Keys> {
  if (spec.remoteJWKS !== undefined && spec.localJWKS !== undefined) return problem("JWKSSourceConflict", at, "remoteJWKS and localJWKS exclude each other; remove one of them");
  if (spec.remoteJWKS !== undefined) return remoteKeys(spec.remoteJWKS, [...at, "remoteJWKS"], sources);
  if (spec.localJWKS === undefined) return problem("JWKSSourceMissing", at, "say where the keys are: add remoteJWKS or localJWKS");
  const { secretName, key } = spec.localJWKS;
  const jwks = sources.secretKey(secretName, key);
  if (jwks === undefined) return problem("LocalJWKSInvalid", [...at, "localJWKS"], `there is no key ${JSON.stringify(key)} in a Secret ${JSON.stringify(secretName)} of this namespace`);
  return isKeySet(jwks) ? { value: { keys: { kind: "local", jwks } } } : problem("LocalJWKSInvalid", [...at, "localJWKS"], `${JSON.stringify(key)} of Secret ${JSON.stringify(secretName)} is not a JSON Web Key Set: a JSON object with a list "keys"`);
}

function isKeySet(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && "keys" in parsed && Array.isArray(parsed.keys);
  } catch {
    return false;
  }
}

/** Envoy refuses 9,000,000,000 seconds and more. */
const longestCacheMs = 9e12;
/** Envoy refuses 2³² seconds and more. */
const longestTimeoutMs = 2 ** 32 * 1000;

function remoteKeys(spec: RemoteSpec, at: FieldPath, sources: JwtSources): Outcome<Keys> {
  const uri = URL.parse(spec.uri);
  if (uri === null && /^https?:\/\/[^/]*:[^/]*$/.test(spec.uri.split(/(?<=[^/:])\//)[0] ?? "")) return problem("RemoteJWKSPortInvalid", [...at, "uri"], `${JSON.stringify(spec.uri)} has no port from 1 to 65535 after its host`);
  if (uri === null) return problem("RemoteJWKSURIInvalid", [...at, "uri"], `${JSON.stringify(spec.uri)} is not a URL; write one like https://issuer.example.com/keys`);
  if (uri.protocol !== "http:" && uri.protocol !== "https:") return problem("RemoteJWKSSchemeInvalid", [...at, "uri"], `the scheme ${JSON.stringify(uri.protocol.slice(0, -1))} cannot be used; write http or https`);
  const timeout = parseGoDuration(spec.timeout === undefined || spec.timeout === "" ? "1s" : spec.timeout);
  if (!timeout.ok) return problem("RemoteJWKSTimeoutInvalid", [...at, "timeout"], timeout.error);
  if (timeout.value < 1 || timeout.value >= longestTimeoutMs) return problem("RemoteJWKSTimeoutInvalid", [...at, "timeout"], `${JSON.stringify(spec.timeout)} is not from 1ms to 1193046h; write a duration like 1s`);
  const cache = spec.cacheDuration === undefined || spec.cacheDuration === "" ? undefined : parseGoDuration(spec.cacheDuration);
  if (cache?.ok === true && (cache.value < 1 || cache.value >= longestCacheMs)) return problem("RemoteJWKSCacheDurationInvalid", [...at, "cacheDuration"], `${JSON.stringify(spec.cacheDuration)} is not from 1ms to 2499999h; write a duration like 5m`);
  if (cache?.ok === false) return problem("RemoteJWKSCacheDurationInvalid", [...at, "cacheDuration"], cache.error);
  const family = spec.dnsLookupFamily ?? sources.dnsLookupFamily;
  if (family !== "auto" && family !== "v4" && family !== "v6" && family !== "all") return problem("RemoteJWKSDNSLookupFamilyInvalid", [...at, "dnsLookupFamily"], `${JSON.stringify(family)} is not a family; write auto, v4, v6 or all`);
  const validation = remoteValidation(spec, uri, at, sources);
  if ("problem" in validation) return validation;
  const cluster = keyCluster(uri, family, timeout.value, validation.value, sources.tls);
  return { value: { cluster, keys: { kind: "remote", uri: spec.uri, cluster: cluster.name, timeoutMs: timeout.value, ...(cache === undefined ? {} : { cacheDurationMs: cache.value }) } } };
}

function remoteValidation(spec: RemoteSpec, uri: URL, at: FieldPath, sources: JwtSources): Outcome<UpstreamValidation | undefined> {
  if (spec.validation === undefined) return { value: undefined };
  if (uri.protocol === "http:") return problem("RemoteJWKSUpstreamValidationInvalid", [...at, "validation"], "there is no certificate to validate over http; use https in uri or remove validation");
  const found = sources.caCertificate(spec.validation.caSecret);
  if (found.kind === "ok") return { value: { caCertificates: found.pem, subjectNames: spec.validation.subjectNames ?? [spec.validation.subjectName] } };
  return problem(found.kind === "not-delegated" ? "RemoteJWKSCACertificateNotDelegated" : "RemoteJWKSUpstreamValidationInvalid", [...at, "validation", "caSecret"], found.message);
}

function keyCluster(uri: URL, family: "auto" | "v4" | "v6" | "all", timeoutMs: number, validation: UpstreamValidation | undefined, tls: JwtSources["tls"]): Cluster {
  const secure = uri.protocol === "https:";
  const port = uri.port === "" ? (secure ? 443 : 80) : Number(uri.port);
  const place = `dnsname/${secure ? "https" : "http"}/${uri.hostname}/${port}`;
  // One tenant's keys must not be fetched by the rules of another.
  const name = contentId(place, { family, timeoutMs, validation, tls });
  return {
    name,
    statName: place.replaceAll("/", "_"),
    source: { kind: "dns", host: uri.hostname, port, family },
    protocol: secure ? "tls" : "http1",
    loadBalancing: "round-robin",
    connectTimeoutMs: timeoutMs,
    ...(secure ? { ...(isIP(uri.hostname) === 0 ? { sni: uri.hostname } : {}), ...tls } : {}),
    ...(validation === undefined ? {} : { validation }),
    circuitBreakers: {},
    origin: { kind: "HTTPProxy", namespace: "", name: "", field: "spec.virtualhost.jwtProviders" },
  };
}

/** Reads a route's jwtVerificationPolicy; without one the host's default provider counts. */
export function jwtRoutePolicy(policy: RouteSpec["jwtVerificationPolicy"], at: FieldPath, providers: readonly JwtProvider[]): Parsed<NonNullable<RoutePolicies["jwt"]>> {
  const named = policy?.require ?? "";
  const refuse = (reason: ProblemReason<"JWTVerificationError">, message: string): Parsed<NonNullable<RoutePolicies["jwt"]>> => ({ problems: [problem(reason, at, message).problem] });
  if (named !== "" && policy?.disabled === true) return refuse("InvalidJWTVerificationPolicy", "require and disabled exclude each other; remove one of them");
  if (policy?.disabled === true) return { problems: [], value: { kind: "none" } };
  const found = providers.find((entry) => entry.name === named);
  if (named !== "") return found !== undefined ? { problems: [], value: { kind: "require", provider: found.id } } : refuse("JWTProviderNotDefined", `the root defines no jwtProvider ${JSON.stringify(named)}`);
  const standard = providers.find((entry) => entry.default);
  return standard === undefined ? { problems: [] } : { problems: [], value: { kind: "require", provider: standard.id } };
}
