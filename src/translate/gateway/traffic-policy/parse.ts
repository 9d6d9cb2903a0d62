import type { Problem } from "#conditions/problem";
import type { TrafficPolicy } from "#gen/k8s/traffic-policy";
import { formatFieldPath } from "#k8s/object";
import type { Cluster } from "#model/cluster";
import type { Guard } from "#model/listener";
import type { RoutePolicies } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { mayRefer } from "#translate/gateway/reference-grants";
import { hostAuthorization } from "#translate/httpproxy/policies/authorization";
import { errorPages } from "#translate/httpproxy/policies/error-pages";
import { ipFilter } from "#translate/httpproxy/policies/ip-filter";
import { jwtProviders, jwtRoutePolicy } from "#translate/httpproxy/policies/jwt";
import { globalRateLimit, localRateLimit } from "#translate/httpproxy/policies/rate-limit";
import { authoritiesResolver, secretKeyReader } from "#translate/shared/authorities";
import type { Parsed } from "#translate/shared/parsed";
import { upstreamTls } from "#translate/shared/services";

/** What a policy asks of requests. */
export interface PolicyContents {
  readonly policies: RoutePolicies;
  /** What has to stand in the listener for that. */
  readonly guards: readonly Guard[];
  /** Where keys are fetched from. */
  readonly clusters: readonly Cluster[];
}

/** A policy that was read, or what is wrong with it: then nobody may come in. */
export type ParsedPolicy = { readonly kind: "valid"; readonly contents: PolicyContents } | { readonly kind: "invalid"; readonly message: string };

/** Reads a TrafficPolicy, with the parsers of HTTPProxy: what the two say is the same. */
export function parseTrafficPolicy(read: Reader, settings: Settings, policy: TrafficPolicy): ParsedPolicy {
  const problems: Problem[] = [];
  const take = <T>(parsed: Parsed<T>): T | undefined => {
    problems.push(...parsed.problems.filter(({ severity }) => severity === "error"));
    return parsed.value;
  };
  const { spec } = policy;
  const namespace = policy.metadata.namespace ?? "";
  const foreign = foreignExtension(read, spec, namespace);
  if (foreign !== undefined) return { kind: "invalid", message: foreign };
  const at = ["spec"];
  const addresses = take(ipFilter(spec, at));
  const local = take(localRateLimit(spec.rateLimitPolicy, [...at, "rateLimitPolicy"], "route"));
  const global = take(globalRateLimit(spec.rateLimitPolicy, [...at, "rateLimitPolicy"], "route"));
  const sources = { secretKey: secretKeyReader(read, namespace), caCertificate: authoritiesResolver(read, namespace), dnsLookupFamily: settings.dnsLookupFamily, tls: upstreamTls(settings, undefined) };
  const tokens = take(jwtProviders(spec.jwtProviders ?? [], [...at, "jwtProviders"], sources));
  const jwt = take(jwtRoutePolicy(spec.jwtVerificationPolicy, [...at, "jwtVerificationPolicy"], tokens?.providers ?? []));
  const authorization = spec.authorization === undefined ? undefined : take(hostAuthorization(read, settings, spec.authorization, [...at, "authorization"], namespace));
  const pages = errorPages(spec.errorPages);
  const [first] = problems;
  if (first !== undefined) return { kind: "invalid", message: problems.map(({ path, message }) => `${formatFieldPath(path)}: ${message}`).join("; ") };
  const own = authorization?.own;
  const policies: RoutePolicies = {
    ...(addresses === undefined ? {} : { ipFilter: addresses }),
    ...(local === undefined ? {} : { localRateLimit: local }),
    ...(global === undefined ? {} : { globalRateLimit: global }),
    ...(jwt === undefined ? {} : { jwt }),
    ...(authorization === undefined ? {} : { authorization: authorization.use }),
    ...(own === undefined ? {} : { authorizationService: own.id }),
    ...(pages === undefined || pages.length === 0 ? {} : { errorPages: pages }),
    ...(spec.maxRequestBytes === undefined ? {} : { maxRequestBytes: spec.maxRequestBytes }),
  };
  const guards: readonly Guard[] = [...(tokens?.providers ?? []).map((provider) => ({ kind: "jwt", provider }) as const), ...(own === undefined ? [] : [{ kind: "authorization", authorization: own } as const])];
  return { kind: "valid", contents: { policies, guards, clusters: tokens?.clusters ?? [] } };
}

/** A service of another namespace sees the requests of this one, and is called by it: its owner must allow that. */
function foreignExtension(read: Reader, { authorization }: TrafficPolicy["spec"], namespace: string): string | undefined {
  const { namespace: other = namespace, name = "" } = authorization?.extensionRef ?? {};
  if (authorization?.extensionRef === undefined || other === "" || other === namespace) return undefined;
  const [from, to] = [{ group: "projectcontour.io", kind: "TrafficPolicy", namespace }, { group: "projectcontour.io", kind: "ExtensionService", namespace: other }];
  return mayRefer(read, from, to, name) ? undefined : `spec.authorization.extensionRef: no ReferenceGrant in namespace ${JSON.stringify(other)} lets TrafficPolicies of ${JSON.stringify(namespace)} use ExtensionService ${JSON.stringify(name)}`;
}
