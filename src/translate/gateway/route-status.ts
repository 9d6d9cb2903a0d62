import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { ReferenceProblem } from "#translate/gateway/backends";

/** Whether all backends of a route were found. */
export function resolvedRefs(problems: readonly ReferenceProblem[], generation: number): Condition {
  const [first] = problems;
  if (first === undefined) return condition("Route", "ResolvedRefs", "True", "ResolvedRefs", "all references lead to a Service", generation);
  return condition("Route", "ResolvedRefs", "False", first.reason, [...new Set(problems.map(({ message }) => message))].join("; "), generation);
}
