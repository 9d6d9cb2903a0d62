import type { HttpProxyProblem } from "#conditions/http-proxy";
import { proxyError } from "#conditions/http-proxy";
import { formatFieldPath } from "#k8s/object";
import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { loadBalancerAddresses, ourProxies, proxyReports, statuses } from "#translate/facts";
import { ingressSite } from "#translate/ingress-site";
import { validCondition } from "#translate/shared/valid-condition";

/** Everything that is wrong with an HTTPProxy, from all units that looked at it; orphans included. */
export function problemsOf(reports: readonly { readonly problems: readonly HttpProxyProblem[]; readonly reached: boolean }[]): readonly HttpProxyProblem[] {
  const unique = new Map(reports.flatMap((report) => report.problems).map((problem) => [`${problem.type} ${problem.reason} ${formatFieldPath(problem.path)} ${problem.message}`, problem]));
  if (reports.some((report) => report.reached)) return [...unique.values()];
  const orphan = proxyError("Orphaned", "Orphaned", ["metadata", "name"], "no root HTTPProxy includes this one, directly or over others, so it has no effect; include it from a root, or give it a virtualhost");
  return [orphan, ...unique.values()];
}

/** The status of every HTTPProxy of our class: one Valid condition with all errors and warnings (projectcontour.io/v1). */
export function httpProxyStatus(settings: Settings): Rule {
  return { name: "httpproxy-status", over: ourProxies, derive: (bucket, read, emit) => judge(settings, bucket, read, emit) };
}

function judge(settings: Settings, bucket: string, read: Reader, emit: Emit): void {
  const proxy = read.one(ourProxies, bucket);
  if (proxy === undefined) return;
  const { namespace = "", name, generation = 0 } = proxy.metadata;
  const problems = problemsOf(read.all(proxyReports, bucket));
  const errors = problems.filter((problem) => problem.severity === "error");
  const currentStatus = errors.length === 0 ? "valid" : errors.some((problem) => problem.type === "Orphaned") ? "orphaned" : "invalid";
  const condition = validCondition("HTTPProxy", generation, problems);
  const ingress = read.all(loadBalancerAddresses, ingressSite(read, settings).fleet);
  emit(statuses, `HTTPProxy/${bucket}`, { kind: "HTTPProxy", namespace, name, generation, status: { currentStatus, description: condition.message, conditions: [condition], loadBalancer: { ingress } } });
}
