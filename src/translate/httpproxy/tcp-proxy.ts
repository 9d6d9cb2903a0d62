import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { proxyError } from "#conditions/http-proxy";
import type { TcpProxy } from "#model/listener";
import { objectKey, ourProxies } from "#translate/facts";
import { tcpHealthCheck } from "#translate/httpproxy/policies/health-check";
import { loadBalancing } from "#translate/httpproxy/policies/load-balancing";
import { resolveTargets } from "#translate/httpproxy/services";
import { hasError, originOf, proxyKey } from "#translate/httpproxy/visit";
import type { Visit } from "#translate/httpproxy/visit";

/** Go Contour's time limit for TCP connections without traffic: 9001 seconds. */
const tcpIdleTimeoutMs = 9_001_000;

/** Follows the tcpproxy of an HTTPProxy, over includes, to the services that get the bytes. */
export function walkTcpProxy(visit: Visit, proxy: HTTPProxy, chain: readonly string[] = []): TcpProxy | undefined {
  visit.reach(proxy);
  const spec = proxy.spec.tcpproxy;
  const at = ["spec", "tcpproxy"];
  if (spec === undefined) return undefined;
  const services = spec.services ?? [];
  const include = spec.include ?? spec.includes;
  if (services.length > 0 && include !== undefined) {
    visit.report(proxy, proxyError("TCPProxyError", "NoServicesAndInclude", at, "a tcpproxy has either services or an include; remove one of them"));
    return undefined;
  }
  if (include !== undefined) return walkTcpInclude(visit, proxy, include, [...chain, proxyKey(proxy)]);
  if (services.length === 0) {
    visit.report(proxy, proxyError("TCPProxyError", "NothingDefined", at, "this tcpproxy leads nowhere; add services or an include"));
    return undefined;
  }
  return tcpServices(visit, proxy);
}

function tcpServices(visit: Visit, proxy: HTTPProxy): TcpProxy | undefined {
  const spec = proxy.spec.tcpproxy;
  const at = ["spec", "tcpproxy"];
  const balancing = visit.take(proxy, loadBalancing(spec?.loadBalancerPolicy, [...at, "loadBalancerPolicy"], { allowHash: false, owner: "TCPProxyError" }));
  const healthCheck = tcpHealthCheck(spec?.healthCheckPolicy, [...at, "healthCheckPolicy"]);
  visit.report(proxy, ...healthCheck.problems);
  const found = resolveTargets(visit, proxy, spec?.services ?? [], [...at, "services"], {
    scope: "tcpproxy",
    loadBalancing: balancing?.loadBalancing ?? "round-robin",
    strategy: spec?.loadBalancerPolicy?.strategy,
    ...(healthCheck.value === undefined ? {} : { healthCheck: healthCheck.value }),
  });
  if (!found.usable || found.targets.length === 0 || hasError(healthCheck.problems)) return undefined;
  return { targets: found.targets, idleTimeoutMs: tcpIdleTimeoutMs, origin: originOf(proxy, at) };
}

function walkTcpInclude(visit: Visit, proxy: HTTPProxy, include: { readonly name: string; readonly namespace?: string }, chain: readonly string[]): TcpProxy | undefined {
  const at = ["spec", "tcpproxy", "include"];
  const namespace = include.namespace === undefined || include.namespace === "" ? (proxy.metadata.namespace ?? "") : include.namespace;
  const who = JSON.stringify(`${namespace}/${include.name}`);
  const child = visit.read.one(ourProxies, objectKey(namespace, include.name));
  if (child === undefined) visit.report(proxy, proxyError("TCPProxyIncludeError", "IncludeNotFound", at, `there is no HTTPProxy ${who} to include`));
  else if (child.spec.virtualhost !== undefined) visit.report(proxy, proxyError("TCPProxyIncludeError", "RootIncludesRoot", at, `HTTPProxy ${who} has a virtualhost of its own; only an HTTPProxy without one can be included`));
  else if (chain.includes(proxyKey(child))) visit.report(proxy, proxyError("TCPProxyIncludeError", "IncludeCreatesCycle", at, `this include leads back to where it came from: ${[...chain, proxyKey(child)].join(" → ")}`));
  else if (child.spec.tcpproxy === undefined) visit.report(child, proxyError("TCPProxyError", "NothingDefined", ["spec"], "this HTTPProxy is included as a tcpproxy but has none; add tcpproxy with services"));
  else return walkTcpProxy(visit, child, chain);
  return undefined;
}
