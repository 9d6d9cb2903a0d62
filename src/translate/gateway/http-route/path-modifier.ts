import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { PathMatch, PathRewrite } from "#model/route";
import type { PathModifier } from "#translate/gateway/api";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";
import { escapeRegex } from "#translate/shared/regex";

/** What a path modifier does to requests that came by `match`. */
export function pathRewrite(modifier: PathModifier, match: PathMatch, at: string): Result<PathRewrite, RuleProblem> {
  if (modifier.type === "ReplaceFullPath") return ok({ kind: "full", path: modifier.replaceFullPath ?? "/" });
  if (modifier.type !== "ReplacePrefixMatch") return fail(unsupported(`${at}.type is ${JSON.stringify(modifier.type)}; use ReplaceFullPath or ReplacePrefixMatch`));
  if (match.kind !== "prefix") return fail(unsupported(`${at}: ReplacePrefixMatch needs a path match of type PathPrefix in every match of the rule`));
  return ok(replacePrefix(match.path, modifier.replacePrefixMatch ?? ""));
}

function replacePrefix(prefix: string, replacement: string): PathRewrite {
  const target = replacement.replace(/\/+$/, "");
  if (prefix === "/") return target === "" ? { kind: "prefix", prefix: "/" } : { kind: "prefix", prefix: `${target}/` };
  if (target !== "") return { kind: "prefix", prefix: target };
  // Taking "/foo" away from "/foo/bar" must not leave "//bar", nor nothing of "/foo".
  return { kind: "regex", pattern: `^${escapeRegex(prefix)}/*`, substitution: "/" };
}
