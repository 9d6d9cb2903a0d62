import type { HTTPProxy } from "#gen/k8s/http-proxy";
import type { Ingress } from "#gen/k8s/ingress";
import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import { compareText } from "#lib/compare";
import { inFleet, splitFleet } from "#model/fleet";
import type { ListenerName, TlsTermination } from "#model/listener";
import type { Origin } from "#model/origin";
import type { Route, RoutePolicies, VirtualHost } from "#model/route";
import type { CertificateSecret } from "#model/secret";
import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { certificatesWanted, hostClaims, ingressProblems, missingCertificates, objectKey, ourIngresses, ourProxies, proxyReports, sharedGuards, virtualHosts, wildcardHosts } from "#translate/facts";
import { hostField } from "#translate/httpproxy/hosts";
import { translateRoot } from "#translate/httpproxy/root";
import type { ProxyRoot } from "#translate/httpproxy/root";
import { Visit, originOf, proxyKey } from "#translate/httpproxy/visit";
import { guardsOf, ownGuards } from "#translate/host-guards";
import { ingressRoutes } from "#translate/ingress/routes";
import { ingressTls } from "#translate/ingress/tls";
import { hostsOfIngress, ingressSite, isAttached, takenByGateway } from "#translate/ingress-site";
import type { IngressSite } from "#translate/ingress-site";
import { hostKey } from "#translate/gateway/listener-names";
import { shareService } from "#translate/gateway/traffic-policy/attach";
import { fallbackTable } from "#translate/listener-names";
import { listenerInUse } from "#translate/ingress-listeners";
import { orderRoutes } from "#translate/shared/route-order";
import { emitCluster } from "#translate/shared/services";
import { emitTlsHost } from "#translate/tls-hosts";

/** Everything about one host of the Ingress and HTTPProxy listeners: the unit that a change of a route runs again. */
export function virtualHostRule(settings: Settings): Rule {
  return {
    name: "virtual-host",
    over: hostClaims,
    derive(host, read, emit) {
      const claims = read.all(hostClaims, host);
      const site = ingressSite(read, settings);
      const parts: HostParts = { host, settings, site, read, emit, plain: [], secure: [], origins: [] };
      const ingresses = claims.filter((claim) => claim.kind === "Ingress").flatMap((claim) => read.one(ourIngresses, objectKey(claim.namespace, claim.name)) ?? []);
      // The oldest is written last, so that of two equal routes its one stays when a newer Ingress claims the same path.
      for (const ingress of ingresses.toSorted((a, b) => -compareAge(a, b))) addIngress(parts, ingress);
      const proxies = claims.filter((claim) => claim.kind === "HTTPProxy").flatMap((claim) => read.one(ourProxies, objectKey(claim.namespace, claim.name)) ?? []);
      addProxies(parts, proxies);
      emitHost(parts);
    },
  };
}

/** What the claims on a host add up to. */
interface HostParts {
  readonly host: string;
  readonly settings: Settings;
  readonly site: IngressSite;
  readonly read: Reader;
  readonly emit: Emit;
  readonly plain: Route[];
  readonly secure: Route[];
  readonly origins: Origin[];
  ingressCertificate?: { readonly tls: TlsTermination; readonly certificate: CertificateSecret; readonly origin: Origin };
  root?: ProxyRoot;
}

function compareAge(a: Ingress | HTTPProxy, b: Ingress | HTTPProxy): number {
  return compareText(a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? "") || compareText(objectKey(a.metadata.namespace ?? "", a.metadata.name), objectKey(b.metadata.namespace ?? "", b.metadata.name));
}

function addIngress(parts: HostParts, ingress: Ingress): void {
  const { host, settings, site, read, emit } = parts;
  const { namespace = "", name } = ingress.metadata;
  const origin: Origin = { kind: "Ingress", namespace, name };
  const obstacle = site.http.ok ? takenByGateway(read, site, host) : site.http.error;
  if (obstacle !== undefined) return emit(ingressProblems, objectKey(namespace, name), { field: "spec", message: obstacle });
  const { routes, annotations, problems } = ingressRoutes(read, emit, settings, ingress, host, site.fleet);
  for (const problem of problems) emit(ingressProblems, objectKey(namespace, name), problem);
  const tls = ingressTls(read, settings, ingress, host, annotations);
  if (tls.kind === "invalid") emit(ingressProblems, objectKey(namespace, name), tls.problem);
  if (tls.kind === "invalid" && tls.missing !== undefined) emit(missingCertificates, tls.missing, host);
  if (tls.kind === "terminate" && !site.https.ok) emit(ingressProblems, objectKey(namespace, name), { field: "spec.tls", message: site.https.error });
  if (tls.kind === "terminate" && site.https.ok) {
    for (const warning of tls.warnings) emit(ingressProblems, objectKey(namespace, name), warning);
    parts.ingressCertificate = { tls: tls.tls, certificate: tls.certificate, origin };
    parts.secure.push(...routes);
  }
  if (annotations.forceHttps) parts.plain.push(...routes.map((route) => redirectToHttps(settings, route)));
  else if (annotations.allowHttp) parts.plain.push(...routes);
  parts.origins.push(origin);
}

const openToAll: RoutePolicies = { authorization: { kind: "off" } };

/** The same requests, sent to https. That much is told to anybody: who has no credentials yet shall not send them without TLS. */
function redirectToHttps(settings: Settings, route: Route): Route {
  const port = settings.publicHttpsPort === undefined ? {} : { port: settings.publicHttpsPort };
  return { ...route, action: { kind: "redirect", scheme: "https", code: 301, ...port }, policies: openToAll };
}

function addProxies(parts: HostParts, proxies: readonly HTTPProxy[]): void {
  const [only, ...others] = parts.settings.duplicateHosts === "first-wins" ? proxies.toSorted(compareAge) : proxies;
  if (only === undefined) return;
  if (others.length > 0 && parts.settings.duplicateHosts === "all-invalid") return refuseDuplicates(parts, proxies);
  for (const other of others) refuseHost(parts, other, `the host ${JSON.stringify(parts.host)} is claimed by ${proxyKey(only)} too, which is older; only one root may have it`);
  const visit = new Visit(parts.read, parts.settings);
  const root = translateRoot(visit, only);
  for (const [key, report] of visit.reports()) parts.emit(proxyReports, key, report);
  const obstacle = placeProblem(parts, only);
  if (obstacle !== undefined) return parts.emit(proxyReports, proxyKey(only), { reached: true, problems: [obstacle] });
  if (root === undefined) return;
  if ("missing" in root) return parts.emit(missingCertificates, root.missing, parts.host);
  for (const cluster of visit.clusters.values()) emitCluster(parts.emit, cluster, parts.site.fleet);
  addRoot(parts, root);
}

/** Why a root cannot be served where Ingresses and HTTPProxies are. */
function placeProblem({ read, site, host }: HostParts, proxy: HTTPProxy): HttpProxyProblem | undefined {
  const wanted = proxy.spec.virtualhost?.tls === undefined ? [site.http] : [site.http, site.https];
  const missing = wanted.find((listener) => !listener.ok);
  if (missing?.ok === false) return proxyError("ListenerError", "ErrorIdentifyingListener", ["spec", "virtualhost"], missing.error);
  const taken = takenByGateway(read, site, host);
  return taken === undefined ? undefined : proxyError("VirtualHostError", "DuplicateVhost", hostField(proxy, host), taken);
}

function refuseDuplicates(parts: HostParts, proxies: readonly HTTPProxy[]): void {
  for (const proxy of proxies) {
    const rivals = proxies.filter((other) => other !== proxy).map(proxyKey).toSorted().join(", ");
    refuseHost(parts, proxy, `the host ${JSON.stringify(parts.host)} is claimed by ${rivals} too; only one root may have it`);
  }
}

function refuseHost(parts: HostParts, proxy: HTTPProxy, message: string): void {
  const problem = proxyError("VirtualHostError", "DuplicateVhost", hostField(proxy, parts.host), message);
  parts.emit(proxyReports, proxyKey(proxy), { reached: true, problems: [problem] });
}

function addRoot(parts: HostParts, root: ProxyRoot): void {
  parts.root = root;
  parts.origins.push(originOf(root.proxy, ["spec", "virtualhost"]));
  const { settings } = parts;
  if (root.tls.kind !== "terminate") return void parts.plain.push(...root.routes);
  // With a tcpproxy the TLS connections carry bytes, and the plain ones still have the routes.
  if (root.tcpProxy === undefined) parts.secure.push(...root.routes);
  parts.plain.push(...root.routes.map((route) => (route.permitInsecure ? route : redirectToHttps(settings, route))));
}

function emitHost(parts: HostParts): void {
  const { site: { http, https }, root } = parts;
  if (http.ok && parts.plain.length > 0) emitVirtualHost(parts, http.value, parts.plain, "shared");
  if (!https.ok) return;
  if (parts.secure.length > 0) emitVirtualHost(parts, https.value, parts.secure, "sni");
  if (root !== undefined) emitProxyTls(parts, root, https.value);
  if (root?.tls.kind !== "terminate" && root?.tls.kind !== "passthrough" && parts.ingressCertificate !== undefined) emitIngressTls(parts, parts.ingressCertificate, https.value);
}

/** Which connections lead to a virtual host: those of all hosts, those for its name, or those for no name. */
type Connections = "shared" | "sni" | "fallback";

function emitVirtualHost(parts: HostParts, listener: ListenerName, all: readonly Route[], connections: Connections): void {
  const { host, read, emit } = parts;
  const shared = connections === "shared";
  // Where everything is sent to https there is nothing to guard.
  const closed = all.every((route) => route.policies === openToAll);
  const guards = closed && shared ? {} : guardsOf(read, parts.settings, parts.root, shared);
  if (!closed) callGuards(parts, shared ? listener : undefined);
  const asks = guards.guards !== undefined || parts.settings.globalAuthorization !== undefined;
  const routes = asks ? all : all.map((route) => (route.policies === openToAll ? { ...route, policies: {} } : route));
  const virtualHost: VirtualHost = { listener: splitFleet(listener).name, host, wildcard: "one-label", requireSni: connections === "sni", routes: orderRoutes(routes), origins: parts.origins, ...parts.root?.policies, ...guards };
  if (host.startsWith("*")) emit(wildcardHosts, listener, virtualHost);
  else emit(virtualHosts, hostKey(listener, host), virtualHost);
  if (isAttached(parts.site)) emit(hostsOfIngress, hostKey(listener, host), true);
  emit(listenerInUse, listener, true);
}

/** Says that the Envoys need what guards a host: on a listener that it shares, and the services that are asked. */
function callGuards({ read, emit, site, root }: HostParts, sharedListener: ListenerName | undefined): void {
  for (const guard of ownGuards(root)) {
    if (sharedListener !== undefined) emit(sharedGuards, sharedListener, guard);
    if (isAttached(site) && guard.kind === "authorization") shareService(read, emit, guard.authorization.cluster, site.fleet);
  }
}

function emitProxyTls(parts: HostParts, root: ProxyRoot, listener: ListenerName): void {
  const { host, emit } = parts;
  const origin = originOf(root.proxy, ["spec", "virtualhost", "tls"]);
  const { ipFilter } = root.policies;
  const proxy = root.tcpProxy === undefined ? undefined : { ...root.tcpProxy, ...(ipFilter === undefined ? {} : { ipFilter }) };
  const { name } = splitFleet(listener);
  if (root.tls.kind === "passthrough" && proxy !== undefined) emitTlsHost(emit, listener, { kind: "passthrough", listener: name, host, proxy, origin });
  if (root.tls.kind !== "terminate") return root.tls.kind === "passthrough" && root.tcpProxy !== undefined ? emit(listenerInUse, listener, true) : undefined;
  const { tls, certificate, fallback } = root.tls;
  emit(listenerInUse, listener, true);
  // What is wrong with it is told; nothing is served then, and no certificate sent.
  if (root.proxy.spec.tcpproxy !== undefined && proxy === undefined) return;
  wantCertificate(parts, certificate);
  if (proxy !== undefined) return emitTlsHost(emit, listener, { kind: "tcp-terminated", listener: name, host, tls, proxy, origin });
  emitTlsHost(emit, listener, { kind: "http", listener: name, host, tls, filters: { guards: ownGuards(root) }, origin });
  if (fallback === undefined) return;
  wantCertificate(parts, fallback.certificate);
  emitTlsHost(emit, listener, { kind: "fallback", listener: name, tls: fallback.tls, origin });
  if (parts.secure.length > 0) emitVirtualHost(parts, fallbackTable(listener), parts.secure, "fallback");
}

function emitIngressTls(parts: HostParts, { tls, certificate, origin }: { readonly tls: TlsTermination; readonly certificate: CertificateSecret; readonly origin: Origin }, listener: ListenerName): void {
  const { host, emit } = parts;
  wantCertificate(parts, certificate);
  emit(listenerInUse, listener, true);
  emitTlsHost(emit, listener, { kind: "http", listener: splitFleet(listener).name, host, tls, filters: { guards: ownGuards(parts.root) }, origin });
}

function wantCertificate({ emit, site }: HostParts, certificate: CertificateSecret): void {
  emit(certificatesWanted, inFleet(site.fleet, certificate.name), certificate);
}
