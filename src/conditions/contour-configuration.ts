import type { Problem } from "#conditions/problem";
import type { FieldPath } from "#k8s/object";

/** Every problem that a ContourConfiguration's status can name: its type and, for each type, its reasons (projectcontour.io/v1alpha1). */
export const configurationProblems = {
  SpecError: ["FieldNotValid", "NoEffect", "RestartNeeded", "NamespaceNotWatched"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

type Reason = (typeof configurationProblems)["SpecError"][number];

/** An error: this version is not taken over while there is a good one. */
export function configurationError(path: FieldPath, message: string): Problem {
  return { severity: "error", type: "SpecError", reason: "FieldNotValid" satisfies Reason, path, message };
}

/** A warning: the version counts, but this part of it has no effect, or not yet. */
export function configurationWarning(reason: Exclude<Reason, "FieldNotValid">, path: FieldPath, message: string): Problem {
  return { severity: "warning", type: "SpecError", reason, path, message };
}
