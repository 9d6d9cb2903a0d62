import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { proxyError } from "#conditions/http-proxy";
import type { TcpProxy } from "#model/listener";
import type { CorsPolicy, ErrorPage, GlobalRateLimit, IpFilter, JwtProvider, LocalRateLimit } from "#model/policy";
import { corsPolicy } from "#translate/httpproxy/policies/cors";
import { hostAuthorization } from "#translate/httpproxy/policies/authorization";
import type { HostAuthorization } from "#translate/httpproxy/policies/authorization";
import { errorPages } from "#translate/httpproxy/policies/error-pages";
import { headerPolicy } from "#translate/httpproxy/policies/headers";
import { ipFilter } from "#translate/httpproxy/policies/ip-filter";
import { jwtProviders } from "#translate/httpproxy/policies/jwt";
import { globalRateLimit, localRateLimit } from "#translate/httpproxy/policies/rate-limit";
import type { ProxyRoute } from "#translate/httpproxy/routes";
import { walkTcpProxy } from "#translate/httpproxy/tcp-proxy";
import { proxyTls } from "#translate/httpproxy/tls";
import type { ProxyTls } from "#translate/httpproxy/tls";
import { hasError, namespaceOf } from "#translate/httpproxy/visit";
import type { HostContext, Visit } from "#translate/httpproxy/visit";
import { walkRoutes } from "#translate/httpproxy/walk";
import { authoritiesResolver, secretKeyReader } from "#translate/shared/authorities";
import { upstreamTls } from "#translate/shared/services";
import type { Parsed } from "#translate/shared/parsed";

/** Policies that a root sets for its whole host. */
export interface HostPolicies {
  readonly cors?: CorsPolicy;
  readonly ipFilter?: IpFilter;
  readonly localRateLimit?: LocalRateLimit;
  readonly globalRateLimit?: GlobalRateLimit;
  readonly errorPages?: readonly ErrorPage[];
}

/** Everything that a root HTTPProxy says about its host. */
export interface ProxyRoot {
  readonly proxy: HTTPProxy;
  readonly tls: ProxyTls;
  readonly routes: readonly ProxyRoute[];
  readonly tcpProxy?: TcpProxy;
  readonly policies: HostPolicies;
  readonly jwtProviders: readonly JwtProvider[];
  readonly authorization?: HostAuthorization;
}

/** Follows a root and all that it includes. Absent when a mistake forbids to serve its host at all. */
export function translateRoot(visit: Visit, proxy: HTTPProxy): ProxyRoot | { readonly missing: string } | undefined {
  visit.reach(proxy);
  const { routes = [], includes = [], tcpproxy } = proxy.spec;
  if (routes.length === 0 && includes.length === 0 && tcpproxy === undefined) visit.report(proxy, proxyError("SpecError", "NothingDefined", ["spec"], "this HTTPProxy leads nowhere; add routes, includes or a tcpproxy"));
  if (!guardsHaveTls(visit, proxy)) return undefined;
  const tls = proxyTls(visit, proxy);
  if (tls.kind === "invalid") return tls.missing === undefined ? undefined : { missing: tls.missing };
  const guarded = checkGuards(visit, proxy);
  const policies = hostPolicies(visit, proxy);
  if (guarded === undefined || policies === undefined) return undefined;
  visit.host = { ...guarded, ...policies.ofRoutes, maxRequestBytes: proxy.spec.virtualhost?.maxRequestBytes ?? 0 };
  const tcpProxy = tcp(visit, proxy, tls);
  return { proxy, tls, policies: policies.ofHost, ...guarded, routes: walkRoutes(visit, proxy), ...(tcpProxy === undefined ? {} : { tcpProxy }) };
}

function tcp(visit: Visit, proxy: HTTPProxy, tls: ProxyTls): TcpProxy | undefined {
  if (proxy.spec.tcpproxy === undefined) {
    return undefined;
  }
  if (tls.kind !== "none") return walkTcpProxy(visit, proxy);
  visit.report(proxy, proxyError("TCPProxyError", "TLSMustBeConfigured", ["spec", "tcpproxy"], "a tcpproxy finds its host by the SNI of TLS; add virtualhost.tls with a secretName or passthrough: true"));
  return undefined;
}

/** Whether TLS ends here if anything keeps strangers out: without it, what they check could be read and replayed. */
function guardsHaveTls(visit: Visit, proxy: HTTPProxy): boolean {
  const host = proxy.spec.virtualhost;
  if (proxy.spec.tcpproxy !== undefined && carriesGuards(visit, proxy)) return false;
  const terminates = host?.tls?.secretName !== undefined && host.tls.secretName !== "" && host.tls.passthrough !== true;
  if (terminates) return true;
  const at = ["spec", "virtualhost"];
  const asks = host?.authorization?.extensionRef?.name;
  if (asks !== undefined && asks !== "" && (host?.authorization?.permitInsecure !== true || host.tls !== undefined)) visit.report(proxy, proxyError("AuthError", "AuthNotPermitted", [...at, "authorization"], host?.tls === undefined ? "authorization needs TLS that ends here; add virtualhost.tls.secretName, or authorization.permitInsecure if what clients send may be read on the way" : "authorization needs TLS that ends here; add virtualhost.tls.secretName"));
  else if ((host?.jwtProviders ?? []).length > 0) visit.report(proxy, proxyError("JWTVerificationError", "JWTVerificationNotPermitted", [...at, "jwtProviders"], "JWT verification needs TLS that ends here; add virtualhost.tls.secretName"));
  else return true;
  return false;
}

/** A tcpproxy carries bytes, in which nobody finds a token or a user: the host is not served rather than without the check. */
function carriesGuards(visit: Visit, proxy: HTTPProxy): boolean {
  const host = proxy.spec.virtualhost;
  const at = ["spec", "virtualhost"];
  const because = "a tcpproxy carries bytes, which cannot be checked; remove one of them";
  if (host?.authorization !== undefined && host.authorization.authPolicy?.disabled !== true) visit.report(proxy, proxyError("AuthError", "AuthNotPermitted", [...at, "authorization"], because));
  else if ((host?.jwtProviders ?? []).length > 0) visit.report(proxy, proxyError("JWTVerificationError", "JWTVerificationNotPermitted", [...at, "jwtProviders"], because));
  else return false;
  return true;
}

/** Checks what keeps strangers out: JWT and authorization. Absent when they cannot be enforced as written. */
function checkGuards(visit: Visit, proxy: HTTPProxy): Pick<ProxyRoot, "jwtProviders" | "authorization"> | undefined {
  const asked = hostAuthorization(visit.read, visit.settings, proxy.spec.virtualhost?.authorization, ["spec", "virtualhost", "authorization"], namespaceOf(proxy));
  const authorization = visit.take(proxy, asked);
  const providers = checkJwtProviders(visit, proxy);
  if (hasError(asked.problems) || providers === undefined) return undefined;
  return { jwtProviders: providers, ...(authorization === undefined ? {} : { authorization }) };
}

function checkJwtProviders(visit: Visit, proxy: HTTPProxy): readonly JwtProvider[] | undefined {
  const host = proxy.spec.virtualhost;
  const providers = host?.jwtProviders ?? [];
  if (providers.length === 0) return [];
  const at = ["spec", "virtualhost", "jwtProviders"];
  const parsed = jwtProviders(providers, at, { secretKey: secretKeyReader(visit.read, namespaceOf(proxy)), caCertificate: authoritiesResolver(visit.read, namespaceOf(proxy)), dnsLookupFamily: visit.settings.dnsLookupFamily, tls: upstreamTls(visit.settings, undefined) });
  const value = visit.take(proxy, parsed);
  if (value === undefined || hasError(parsed.problems)) return undefined;
  for (const cluster of value.clusters) visit.wantCluster(cluster);
  return value.providers;
}

interface HostParts {
  readonly ofHost: HostPolicies;
  readonly ofRoutes: Pick<HostContext, "requestHeaders" | "responseHeaders">;
}

function hostPolicies(visit: Visit, proxy: HTTPProxy): HostParts | undefined {
  const host = proxy.spec.virtualhost;
  const at = ["spec", "virtualhost"];
  let failed = false;
  const take = <T>(parsed: Parsed<T>): T | undefined => {
    if (hasError(parsed.problems)) failed = true;
    return visit.take(proxy, parsed);
  };
  const cors = take(corsPolicy(host?.corsPolicy, [...at, "corsPolicy"]));
  const addresses = take(ipFilter(host ?? {}, at));
  const local = take(localRateLimit(host?.rateLimitPolicy, [...at, "rateLimitPolicy"], "host"));
  const ofInstallation = visit.settings.rateLimitService?.defaultGlobalRateLimitPolicy;
  const limits = host?.rateLimitPolicy?.global === undefined && ofInstallation !== undefined ? { ...host?.rateLimitPolicy, global: ofInstallation } : host?.rateLimitPolicy;
  const global = take(globalRateLimit(limits, [...at, "rateLimitPolicy"], "host"));
  const variables = { namespace: namespaceOf(proxy) };
  const request = take(headerPolicy(host?.requestHeadersPolicy, [...at, "requestHeadersPolicy"], { direction: "request", scope: "host", variables }));
  const response = take(headerPolicy(host?.responseHeadersPolicy, [...at, "responseHeadersPolicy"], { direction: "response", scope: "host", variables }));
  const pages = errorPages(host?.errorPages);
  if (failed) return undefined;
  const ofRoutes = { ...(request === undefined ? {} : { requestHeaders: request.policy }), ...(response === undefined ? {} : { responseHeaders: response.policy }) };
  const ofHost = {
    ...(pages === undefined || pages.length === 0 ? {} : { errorPages: pages }),
    ...(cors === undefined ? {} : { cors }),
    ...(addresses === undefined ? {} : { ipFilter: addresses }),
    ...(local === undefined ? {} : { localRateLimit: local }),
    ...(global === undefined ? {} : { globalRateLimit: global }),
  };
  return { ofHost, ofRoutes };
}
