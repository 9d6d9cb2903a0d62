import type { Stage } from "./stage.ts";

/** What a check found. `unshown` says why a wiring cannot show it here. */
export interface Finding {
  readonly verdict: "pass" | "fail" | "unshown";
  readonly detail: string;
}

/** One column of the matrix. */
export interface Check {
  readonly id: string;
  readonly title: string;
  run(stage: Stage): Promise<Finding>;
}

/** A finding that is good or not. */
export function verdict(good: boolean, detail: string): Finding {
  return { verdict: good ? "pass" : "fail", detail };
}
