import { proxyError, proxyWarning } from "#conditions/http-proxy";
import { rangeProblem } from "#lib/uint32";
import type { FieldPath } from "#k8s/object";
import type { RetryPolicy } from "#model/policy";
import { parseTimeout } from "#translate/httpproxy/policies/timeouts";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** Reads a route's retryPolicy: −1 means no retry, 0 and nothing mean one. */
export function retryPolicy(policy: RouteSpec["retryPolicy"], at: FieldPath): Parsed<RetryPolicy> {
  if (policy === undefined) return { problems: [] };
  const perTry = parseTimeout(policy.perTryTimeout);
  const problems = perTry.error === undefined ? [] : [proxyWarning("SpecError", "IgnoredField", [...at, "perTryTimeout"], `${perTry.error}; until then it has no effect`)];
  for (const [i, code] of (policy.retriableStatusCodes ?? []).entries()) {
    const wrong = rangeProblem(code, 100, 599);
    if (wrong !== undefined) return { problems: [proxyError("RouteError", "RetryPolicyInvalid", [...at, "retriableStatusCodes", i], wrong)] };
  }
  const most = rangeProblem(policy.count, -1);
  if (most !== undefined) return { problems: [proxyError("RouteError", "RetryPolicyInvalid", [...at, "count"], most)] };
  const count = policy.count ?? 1;
  const on = policy.retryOn ?? [];
  return {
    problems,
    value: {
      on: on.length === 0 ? "5xx" : on.join(","),
      count: count === 0 ? 1 : Math.max(count, 0),
      statusCodes: policy.retriableStatusCodes ?? [],
      ...(perTry.setting?.kind === "after" ? { perTryTimeoutMs: perTry.setting.ms } : {}),
    },
  };
}
