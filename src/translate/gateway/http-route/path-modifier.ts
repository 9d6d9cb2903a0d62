import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { PathMatch, PathRewrite } from "#model/route";
import type { PathModifier } from "#translate/gateway/api";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";

/** What a path modifier does to requests that came by `match`. Whole segments are replaced by whole segments. */
export function pathRewrite(modifier: PathModifier, match: PathMatch, at: string): Result<PathRewrite, RuleProblem> {
  if (modifier.type === "ReplaceFullPath") return replacement(modifier.replaceFullPath ?? "/", "full", `${at}.replaceFullPath`);
  if (modifier.type !== "ReplacePrefixMatch") return fail(unsupported(`${at}.type is ${JSON.stringify(modifier.type)}; use ReplaceFullPath or ReplacePrefixMatch`));
  if (match.kind !== "prefix") return fail(unsupported(`${at}: ReplacePrefixMatch needs a path match of type PathPrefix in every match of the rule`));
  return replacement(modifier.replacePrefixMatch ?? "", "prefix", `${at}.replacePrefixMatch`);
}

/** Envoy refuses all of a configuration for a path with a line break, and backends those that do not begin with a slash. */
function replacement(text: string, kind: "full" | "prefix", at: string): Result<PathRewrite, RuleProblem> {
  if (/\p{Cc}/u.test(text)) return fail(unsupported(`${at} has a control character`));
  if (!text.startsWith("/") && (text !== "" || kind === "full")) return fail(unsupported(`${at} is ${JSON.stringify(text)}; it must begin with a slash`));
  return ok(kind === "full" ? { kind, path: text } : { kind, prefix: text });
}
