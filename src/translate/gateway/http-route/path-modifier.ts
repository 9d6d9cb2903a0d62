import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { PathMatch, PathRewrite } from "#model/route";
import type { PathModifier } from "#translate/gateway/api";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";

/** What a path modifier does to requests that came by `match`. Whole segments are replaced by whole segments. */
export function pathRewrite(modifier: PathModifier, match: PathMatch, at: string): Result<PathRewrite, RuleProblem> {
  if (modifier.type === "ReplaceFullPath") return ok({ kind: "full", path: modifier.replaceFullPath ?? "/" });
  if (modifier.type !== "ReplacePrefixMatch") return fail(unsupported(`${at}.type is ${JSON.stringify(modifier.type)}; use ReplaceFullPath or ReplacePrefixMatch`));
  if (match.kind !== "prefix") return fail(unsupported(`${at}: ReplacePrefixMatch needs a path match of type PathPrefix in every match of the rule`));
  return ok({ kind: "prefix", prefix: modifier.replacePrefixMatch ?? "" });
}
