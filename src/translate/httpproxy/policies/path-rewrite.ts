import { proxyError } from "#conditions/http-proxy";
import { headerTextProblem, isHeaderText } from "#lib/http-text";
import type { FieldPath } from "#k8s/object";
import type { PathMatch, PathRewrite } from "#model/route";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";
import { countGroups, parseRegex } from "#translate/shared/regex";

/** A path to match, and what becomes of it. */
export interface RewrittenPath {
  readonly path: PathMatch;
  readonly rewrite?: PathRewrite;
}

/**
 * Reads a pathRewritePolicy for a route whose whole prefix is `match`. Where only one of prefix and replacement ends in a slash,
 * the route becomes two, so that neither `//` nor a lost slash comes out: `/app` → `/` gives `/app/` → `/` and `/app` → `/`.
 */
export function pathRewrites(policy: RouteSpec["pathRewritePolicy"], at: FieldPath, match: PathMatch): Parsed<readonly RewrittenPath[]> {
  if (policy?.replaceRegex !== undefined) return regexRewrite(policy, at, match);
  const entries = policy?.replacePrefix ?? [];
  if (entries.length === 0) return { problems: [] };
  const where = [...at, "replacePrefix"];
  if (match.kind !== "prefix") return { problems: [proxyError("PrefixReplaceError", "MustHavePrefix", where, "only a prefix can be replaced; give the route a prefix condition")] };
  const prefixes = entries.map((entry) => entry.prefix ?? "");
  const twice = prefixes.findIndex((prefix, i) => prefixes.indexOf(prefix) !== i);
  if (twice !== -1) {
    const reason = prefixes[twice] === "" ? ("AmbiguousReplacement" as const) : ("DuplicateReplacement" as const);
    return { problems: [proxyError("PrefixReplaceError", reason, [...where, twice], prefixes[twice] === "" ? "two entries have no prefix; only one of them can apply to all prefixes" : `prefix ${JSON.stringify(prefixes[twice])} is replaced twice; keep one of the entries`)] };
  }
  const wrong = entries.findIndex((entry) => !isHeaderText(entry.replacement));
  if (wrong !== -1) return { problems: [proxyError("PrefixReplaceError", "ReplacementNotValid", [...where, wrong, "replacement"], headerTextProblem(entries[wrong]?.replacement ?? ""))] };
  const chosen = entries.find((entry) => entry.prefix === match.path) ?? entries.find((entry) => entry.prefix === undefined || entry.prefix === "");
  return { problems: [], value: chosen === undefined ? [] : pair(match.path, chosen.replacement) };
}

function regexRewrite(policy: NonNullable<RouteSpec["pathRewritePolicy"]>, at: FieldPath, match: PathMatch): Parsed<readonly RewrittenPath[]> {
  const { pattern = "", substitution = "" } = policy.replaceRegex ?? {};
  const refuse = (field: string, message: string): Parsed<readonly RewrittenPath[]> => ({ problems: [proxyError("PrefixReplaceError", "RegexNotValid", [...at, "replaceRegex", field], message)] });
  if ((policy.replacePrefix ?? []).length > 0) return { problems: [proxyError("PrefixReplaceError", "AmbiguousReplacement", at, "replacePrefix and replaceRegex exclude each other; remove one of them")] };
  if (!isHeaderText(substitution)) return refuse("substitution", headerTextProblem(substitution));
  const regex = parseRegex(pattern);
  if (!regex.ok) return refuse("pattern", regex.error);
  const problem = substitutionProblem(substitution, countGroups(pattern));
  if (problem !== undefined) return refuse("substitution", problem);
  return { problems: [], value: [{ path: match, rewrite: { kind: "regex", pattern, substitution } }] };
}

/** RE2 refuses a backslash before anything but a backslash or the number of a group, and Envoy then the whole host. */
function substitutionProblem(text: string, groups: number): string | undefined {
  const wrong = [...text.matchAll(/\\(.?)/gs)].find(([, next = ""]) => next !== "\\" && !(/[0-9]/.test(next) && Number(next) <= groups));
  return wrong === undefined ? undefined : `"${wrong[0]}" is neither a backslash (\\\\) nor one of the ${groups} groups of the pattern (\\1 …) or the whole match (\\0)`;
}

function pair(prefix: string, replacement: string): readonly RewrittenPath[] {
  const [bare, target] = [prefix.replace(/\/+$/, ""), replacement.replace(/\/+$/, "")];
  if (bare === "") return [{ path: { kind: "prefix", path: "/", by: "string" }, rewrite: { kind: "prefix", prefix: `${target}/` } }];
  return [
    { path: { kind: "prefix", path: `${bare}/`, by: "string" }, rewrite: { kind: "prefix", prefix: `${target}/` } },
    { path: { kind: "prefix", path: bare, by: "string" }, rewrite: { kind: "prefix", prefix: target === "" ? "/" : target } },
  ];
}
