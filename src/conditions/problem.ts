import type { FieldPath } from "#k8s/object";

/** One thing that is wrong, or odd, with an object, at one field of it. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** What it is about, as the status says it. */
  readonly type: string;
  readonly reason: string;
  readonly path: FieldPath;
  readonly message: string;
}
