import { proxyError } from "#conditions/http-proxy";
import { headerTextProblem, isHeaderText } from "#lib/http-text";
import { largestUint32, rangeProblem } from "#lib/uint32";
import type { FieldPath } from "#k8s/object";
import type { HealthCheck } from "#model/cluster";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

interface Times {
  readonly timeoutSeconds?: number;
  readonly intervalSeconds?: number;
  readonly unhealthyThresholdCount?: number;
  readonly healthyThresholdCount?: number;
}

/** Defaults as in Go Contour's code: 2 s timeout, 10 s interval, 3 failures, 2 successes; 0 is the default, too. */
function times(spec: Times): Pick<HealthCheck, "timeoutMs" | "intervalMs" | "unhealthyThreshold" | "healthyThreshold"> {
  return { timeoutMs: (spec.timeoutSeconds || 2) * 1000, intervalMs: (spec.intervalSeconds || 10) * 1000, unhealthyThreshold: spec.unhealthyThresholdCount || 3, healthyThreshold: spec.healthyThresholdCount || 2 };
}

/** Seconds that Envoy still understands as milliseconds: 68 years. */
const longestSeconds = 2_147_483_647;

function timesProblem(spec: Times): { readonly field: keyof Times; readonly message: string } | undefined {
  const limits = { timeoutSeconds: longestSeconds, intervalSeconds: longestSeconds, unhealthyThresholdCount: largestUint32, healthyThresholdCount: largestUint32 } as const;
  for (const [field, most] of Object.entries(limits) as [keyof Times, number][]) {
    const message = rangeProblem(spec[field], 0, most);
    if (message !== undefined) return { field, message };
  }
  return undefined;
}

/** Reads a route's healthCheckPolicy. */
export function httpHealthCheck(policy: RouteSpec["healthCheckPolicy"], at: FieldPath): Parsed<HealthCheck> {
  if (policy === undefined) return { problems: [] };
  const wrong = timesProblem(policy);
  if (wrong !== undefined) return { problems: [proxyError("RouteError", "HealthCheckPolicyInvalid", [...at, wrong.field], wrong.message)] };
  const expectedStatuses = policy.expectedStatuses ?? [];
  for (const field of ["path", "host"] as const) if (!isHeaderText(policy[field] ?? "")) return { problems: [proxyError("RouteError", "HealthCheckPolicyInvalid", [...at, field], headerTextProblem(policy[field] ?? ""))] };
  const problems = expectedStatuses.flatMap((range, i) => (range.start < range.end && range.start >= 100 && range.end <= 600 ? [] : [proxyError("RouteError", "HealthCheckPolicyInvalid", [...at, "expectedStatuses", i], `the range ${range.start} to ${range.end} is empty or not within 100 to 600; start is included, end is not`)]));
  if (problems.length > 0) return { problems };
  return { problems, value: { kind: "http", path: policy.path, host: policy.host === undefined || policy.host === "" ? "contour-envoy-healthcheck" : policy.host, expectedStatuses, ...times(policy) } };
}

/** Reads a tcpproxy's healthCheckPolicy. */
export function tcpHealthCheck(policy: Times | undefined, at: FieldPath): Parsed<HealthCheck> {
  if (policy === undefined) return { problems: [] };
  const wrong = timesProblem(policy);
  if (wrong !== undefined) return { problems: [proxyError("TCPProxyError", "HealthCheckPolicyInvalid", [...at, wrong.field], wrong.message)] };
  return { problems: [], value: { kind: "tcp", ...times(policy) } };
}
