import type { HttpProxyProblem } from "#conditions/http-proxy";
import { proxyError } from "#conditions/http-proxy";
import { formatFieldPath } from "#k8s/object";
import type { Rule } from "#store/family";
import { loadBalancerAddresses, ourProxies, proxyReports, statuses } from "#translate/facts";

/** Kubernetes allows 32768 characters; Go Contour cuts at this length. */
const longestMessage = 32_760;

/** Everything that is wrong with an HTTPProxy, from all units that looked at it; orphans included. */
export function problemsOf(reports: readonly { readonly problems: readonly HttpProxyProblem[]; readonly reached: boolean }[]): readonly HttpProxyProblem[] {
  const unique = new Map(reports.flatMap((report) => report.problems).map((problem) => [`${problem.type} ${problem.reason} ${formatFieldPath(problem.path)} ${problem.message}`, problem]));
  if (reports.some((report) => report.reached)) return [...unique.values()];
  const orphan = proxyError("Orphaned", "Orphaned", ["metadata", "name"], "no root HTTPProxy includes this one, directly or over others, so it has no effect; include it from a root, or give it a virtualhost");
  return [orphan, ...unique.values()];
}

/** The status of every HTTPProxy of our class: one Valid condition with all errors and warnings (projectcontour.io/v1). */
export const httpProxyStatus: Rule = {
  name: "httpproxy-status",
  over: ourProxies,
  derive(bucket, read, emit) {
    const proxy = read.one(ourProxies, bucket);
    if (proxy === undefined) return;
    const { namespace = "", name, generation = 0 } = proxy.metadata;
    const problems = problemsOf(read.all(proxyReports, bucket));
    const errors = problems.filter((problem) => problem.severity === "error");
    const warnings = problems.filter((problem) => problem.severity === "warning");
    const currentStatus = errors.length === 0 ? "valid" : errors.some((problem) => problem.type === "Orphaned") ? "orphaned" : "invalid";
    const message = validMessage(errors, warnings);
    const condition = {
      type: "Valid",
      status: errors.length === 0 ? "True" : "False",
      observedGeneration: generation,
      reason: errors.length === 0 ? "Valid" : "ErrorPresent",
      message,
      ...(errors.length === 0 ? {} : { errors: errors.map(subCondition) }),
      ...(warnings.length === 0 ? {} : { warnings: warnings.map(subCondition) }),
    };
    const ingress = read.all(loadBalancerAddresses, "");
    emit(statuses, `HTTPProxy/${bucket}`, { kind: "HTTPProxy", namespace, name, generation, status: { currentStatus, description: message, conditions: [condition], loadBalancer: { ingress } } });
  },
};

function validMessage(errors: readonly HttpProxyProblem[], warnings: readonly HttpProxyProblem[]): string {
  const [first] = errors;
  if (first === undefined) return warnings.length === 0 ? "Valid HTTPProxy" : `Valid HTTPProxy; ${warnings.length === 1 ? "a warning is" : `${warnings.length} warnings are`} listed in warnings`;
  const more = errors.length === 1 ? "" : ` (and ${errors.length - 1} more, see errors)`;
  return cut(`${describeProblem(first)}${more}`);
}

function subCondition(problem: HttpProxyProblem): Readonly<Record<string, string>> {
  return { type: problem.type, status: "True", reason: problem.reason, message: cut(describeProblem(problem)) };
}

/** A problem in one sentence, the field first. */
export function describeProblem(problem: HttpProxyProblem): string {
  return `${formatFieldPath(problem.path)}: ${problem.message}`;
}

function cut(text: string): string {
  return text.length <= longestMessage ? text : text.slice(0, longestMessage);
}
