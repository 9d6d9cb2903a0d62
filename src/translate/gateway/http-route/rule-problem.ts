/** Why a rule of a route cannot be followed. */
export interface RuleProblem {
  readonly reason: "UnsupportedValue" | "IncompatibleFilters";
  /** What is wrong and what to write instead; begins with the field inside the rule. */
  readonly message: string;
}

/** A value that is not known, or not allowed where it is. */
export function unsupported(message: string): RuleProblem {
  return { reason: "UnsupportedValue", message };
}
