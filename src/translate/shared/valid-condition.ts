import type { Problem } from "#conditions/problem";
import { formatFieldPath } from "#k8s/object";

/** Kubernetes allows 32768 characters; Go Contour cuts at this length. */
const longestMessage = 32_760;

/** The one condition of an HTTPProxy or ExtensionService: `Valid`, with all errors and warnings in it (projectcontour.io). */
export function validCondition(kind: string, generation: number, problems: readonly Problem[]): { readonly message: string } & Readonly<Record<string, unknown>> {
  const errors = problems.filter((problem) => problem.severity === "error");
  const warnings = problems.filter((problem) => problem.severity === "warning");
  return {
    type: "Valid",
    status: errors.length === 0 ? "True" : "False",
    observedGeneration: generation,
    reason: errors.length === 0 ? "Valid" : "ErrorPresent",
    message: validMessage(kind, errors, warnings),
    ...(errors.length === 0 ? {} : { errors: errors.map(subCondition) }),
    ...(warnings.length === 0 ? {} : { warnings: warnings.map(subCondition) }),
  };
}

function validMessage(kind: string, errors: readonly Problem[], warnings: readonly Problem[]): string {
  const [first] = errors;
  if (first === undefined) return warnings.length === 0 ? `Valid ${kind}` : `Valid ${kind}; ${warnings.length === 1 ? "a warning is" : `${warnings.length} warnings are`} listed in warnings`;
  const more = errors.length === 1 ? "" : ` (and ${errors.length - 1} more, see errors)`;
  return cut(`${describeProblem(first)}${more}`);
}

function subCondition(problem: Problem): Readonly<Record<string, string>> {
  return { type: problem.type, status: "True", reason: problem.reason, message: cut(describeProblem(problem)) };
}

/** A problem in one sentence, the field first. */
export function describeProblem(problem: Problem): string {
  return `${formatFieldPath(problem.path)}: ${problem.message}`;
}

function cut(text: string): string {
  return text.length <= longestMessage ? text : text.slice(0, longestMessage);
}
