import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { proxyError, proxyWarning } from "#conditions/http-proxy";
import { largestUint32 } from "#lib/uint32";
import type { FieldPath } from "#k8s/object";
import type { HealthCheck, LoadBalancing, UpstreamProtocol, UpstreamValidation } from "#model/cluster";
import type { ForwardTarget, HostRewrite, Mirror } from "#model/route";
import { upstreamValidation } from "#translate/httpproxy/policies/upstream-validation";
import { outlierDetection } from "#translate/httpproxy/policies/outlier-detection";
import { slowStart } from "#translate/httpproxy/policies/slow-start";
import { cookieRewrites } from "#translate/httpproxy/policies/cookies";
import { backendHeaders, headerPolicy } from "#translate/httpproxy/policies/headers";
import { namespaceOf, originOf } from "#translate/httpproxy/visit";
import type { Visit } from "#translate/httpproxy/visit";
import { authoritiesResolver } from "#translate/shared/authorities";
import { resolveService, serviceCluster } from "#translate/shared/services";
import type { ServiceTarget } from "#translate/shared/services";

/** One entry of a list of services, of a route or of a tcpproxy. */
export type ServiceSpec = NonNullable<NonNullable<HTTPProxy["spec"]["routes"]>[number]["services"]>[number];

/** What the surrounding route says about all its clusters. */
export interface ClusterContext {
  readonly loadBalancing: LoadBalancing;
  readonly strategy: string | undefined;
  readonly healthCheck?: HealthCheck;
  readonly idleTimeoutMs?: number;
  readonly hostRewrite?: HostRewrite;
  readonly scope: "route" | "tcpproxy";
}

/** Where the requests of a route go. */
export interface Targets {
  readonly targets: readonly ForwardTarget[];
  readonly mirrors: readonly Mirror[];
  /** False when a mistake other than a missing Service was found: the route then must not carry traffic. */
  readonly usable: boolean;
}

/** Resolves the services of a route or tcpproxy. Those that cannot be resolved are reported and left out. */
export function resolveTargets(visit: Visit, proxy: HTTPProxy, services: readonly ServiceSpec[], at: FieldPath, context: ClusterContext): Targets {
  const targets: ForwardTarget[] = [];
  const mirrors: Mirror[] = [];
  let usable = true;
  for (const [i, service] of services.entries()) {
    const path = [...at, i];
    if (context.scope === "tcpproxy") warnOfHttpFields(visit, proxy, service, path);
    const target = resolveTarget(visit, proxy, service, path, context);
    if (target === "invalid") usable = false;
    else if (target !== undefined) {
      if (service.mirror === true && context.scope === "route") mirrors.push({ cluster: target.cluster, percent: mirrorPercent(service) });
      else targets.push(target);
    }
  }
  if (mirrors.length > 1) {
    visit.report(proxy, proxyError("ServiceError", "OnlyOneMirror", at, "only one service of a route may be a mirror; remove mirror from the others"));
    usable = false;
  }
  const sum = targets.reduce((total, { weight }) => total + weight, 0);
  if (sum > largestUint32) {
    visit.report(proxy, proxyError(context.scope === "route" ? "ServiceError" : "TCPProxyError", "WeightInvalid", at, `the weights are ${sum} together, which is more than ${largestUint32}; write smaller ones`));
    usable = false;
  }
  return { targets: share(targets), mirrors, usable };
}

/** Fields of a service that need HTTP: a tcpproxy carries bytes. */
const httpFields = ["mirror", "mirrorFraction", "requestHeadersPolicy", "responseHeadersPolicy", "cookieRewritePolicies"] as const;

function warnOfHttpFields(visit: Visit, proxy: HTTPProxy, service: ServiceSpec, path: FieldPath): void {
  for (const field of httpFields) if (service[field] !== undefined && service[field] !== false) visit.report(proxy, proxyWarning("TCPProxyError", "IgnoredField", [...path, field], "this needs HTTP, so a tcpproxy ignores it; remove it"));
}

/** The share of a mirror: its fraction, or its weight in percent, where none is all. */
function mirrorPercent({ weight = 0, mirrorFraction }: ServiceSpec): number {
  if (mirrorFraction !== undefined) return (100 * mirrorFraction.numerator) / (mirrorFraction.denominator ?? 100);
  return weight === 0 ? 100 : Math.min(weight, 100);
}

/** What is wrong with the share of a mirror. */
function mirrorProblem({ mirror, weight = 0, mirrorFraction: fraction }: ServiceSpec): string | undefined {
  if (fraction === undefined) return undefined;
  if (mirror !== true) return "mirrorFraction needs mirror: true";
  if (weight !== 0) return "mirrorFraction and weight exclude each other; remove one of them";
  return fraction.numerator > (fraction.denominator ?? 100) ? "the part is larger than the whole; make numerator at most denominator" : undefined;
}

/** All weights 0 means equal shares; otherwise a service of weight 0 gets nothing. */
function share(targets: readonly ForwardTarget[]): readonly ForwardTarget[] {
  if (targets.every((target) => target.weight === 0)) return targets.map((target) => ({ ...target, weight: 1 }));
  return targets.filter((target) => target.weight > 0);
}

function resolveTarget(visit: Visit, proxy: HTTPProxy, service: ServiceSpec, path: FieldPath, context: ClusterContext): ForwardTarget | "invalid" | undefined {
  if (service.port < 1 || service.port > 65535) {
    visit.report(proxy, proxyError("ServiceError", "ServicePortInvalid", [...path, "port"], `${service.port} is not a port; write a number from 1 to 65535`));
    return "invalid";
  }
  const resolved = resolveService(visit.read, visit.settings, proxy.metadata.namespace ?? "", service.name, service.port);
  if (!resolved.ok) {
    const type = context.scope === "tcpproxy" ? ("TCPProxyError" as const) : ("ServiceError" as const);
    visit.report(proxy, proxyError(type, "ServiceUnresolvedReference", path, resolved.error.message));
    return undefined;
  }
  return forwardTarget(visit, proxy, service, path, context, resolved.value);
}

function forwardTarget(visit: Visit, proxy: HTTPProxy, service: ServiceSpec, path: FieldPath, context: ClusterContext, target: ServiceTarget): ForwardTarget | "invalid" {
  const protocol = (service.protocol as UpstreamProtocol | undefined) ?? target.protocol ?? "http1";
  if (service.protocol !== undefined && !["h2", "h2c", "tls"].includes(service.protocol)) {
    visit.report(proxy, proxyError("ServiceError", "UnsupportedProtocol", [...path, "protocol"], `${JSON.stringify(service.protocol)} is not a protocol; write h2, h2c or tls`));
    return "invalid";
  }
  const variables = { namespace: proxy.metadata.namespace ?? "", service: service.name, port: String(service.port) };
  const request = headerPolicy(service.requestHeadersPolicy, [...path, "requestHeadersPolicy"], { direction: "request", scope: "service", variables });
  const response = headerPolicy(service.responseHeadersPolicy, [...path, "responseHeadersPolicy"], { direction: "response", scope: "service", variables });
  const cookies = cookieRewrites(service.cookieRewritePolicies, [...path, "cookieRewritePolicies"]);
  const outliers = outlierDetection(service.outlierDetection, [...path, "outlierDetection"]);
  const share = mirrorProblem(service);
  if (share !== undefined) {
    visit.report(proxy, proxyError("ServiceError", "MirrorInvalid", [...path, "mirrorFraction"], share));
    return "invalid";
  }
  const starting = slowStart(service.slowStartPolicy, [...path, "slowStartPolicy"], context.strategy);
  const validation = validationOf(visit, proxy, service, path, protocol);
  visit.report(proxy, ...request.problems, ...response.problems, ...cookies.problems, ...starting.problems, ...validation.problems, ...outliers.problems);
  if ([request, response, cookies, starting, validation, outliers].some((part) => part.problems.some((problem) => problem.severity === "error"))) return "invalid";
  const hostRewrite = request.value?.hostRewrite;
  const sni = [hostRewrite, context.hostRewrite].find((rewrite) => rewrite?.kind === "literal");
  const healthPortName = service.healthPort === undefined || service.healthPort === service.port ? undefined : resolveHealthPort(visit, proxy, service);
  const cluster = serviceCluster(
    target,
    visit.settings,
    {
      protocol,
      loadBalancing: context.loadBalancing,
      ...(validation.value === undefined ? {} : { validation: validation.value }),
      ...(sni?.kind === "literal" ? { sni: sni.host } : {}),
      ...(context.healthCheck === undefined ? {} : { healthCheck: context.healthCheck }),
      ...(healthPortName === undefined ? {} : { healthPortName }),
      ...(context.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: context.idleTimeoutMs }),
      ...(starting.value === undefined ? {} : { slowStart: starting.value }),
      ...(outliers.value === undefined ? {} : { outlierDetection: outliers.value }),
    },
    originOf(proxy, path),
  );
  return {
    cluster: visit.wantCluster(cluster),
    weight: service.weight ?? 0,
    ...backendHeaders(visit.settings, variables, request.value?.policy, response.value?.policy),
    ...(hostRewrite === undefined ? {} : { hostRewrite }),
    ...(cookies.value === undefined || cookies.value.length === 0 ? {} : { cookieRewrites: cookies.value }),
  };
}

function validationOf(visit: Visit, proxy: HTTPProxy, service: ServiceSpec, path: FieldPath, protocol: UpstreamProtocol): { value?: UpstreamValidation; problems: ReturnType<typeof upstreamValidation>["problems"] } {
  if (service.validation === undefined || (protocol !== "tls" && protocol !== "h2")) return { problems: [] };
  return upstreamValidation(service.validation, [...path, "validation"], authoritiesResolver(visit.read, namespaceOf(proxy)));
}

function resolveHealthPort(visit: Visit, proxy: HTTPProxy, service: ServiceSpec): string | undefined {
  const health = resolveService(visit.read, visit.settings, proxy.metadata.namespace ?? "", service.name, service.healthPort ?? service.port);
  return health.ok ? health.value.portName : undefined;
}
