import { RE2JS } from "re2js";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";

/** How many groups an expression has that can be named in a substitution. The expression must be right. */
export function countGroups(pattern: string): number {
  return RE2JS.compile(pattern).groupCount();
}

/** Checks a regular expression with the syntax that Envoy uses (RE2). The error says what RE2 refuses. */
export function parseRegex(pattern: string): Result<string, string> {
  try {
    RE2JS.compile(pattern);
    return ok(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(`${JSON.stringify(pattern)} is not an RE2 regular expression: ${reason}; lookaheads and backreferences do not exist there`);
  }
}
