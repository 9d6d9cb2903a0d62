import { proxyError } from "#conditions/http-proxy";
import type { FieldPath } from "#k8s/object";
import type { PathMatch, PathRewrite } from "#model/route";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** A path to match, and what becomes of it. */
export interface RewrittenPath {
  readonly path: PathMatch;
  readonly rewrite?: PathRewrite;
}

/**
 * Reads a pathRewritePolicy for a route whose whole prefix is `match`. Where only one of prefix and replacement ends in a slash,
 * the route becomes two, so that neither `//` nor a lost slash comes out: `/app` → `/` gives `/app/` → `/` and `/app` → `/`.
 */
export function prefixRewrites(policy: RouteSpec["pathRewritePolicy"], at: FieldPath, match: PathMatch): Parsed<readonly RewrittenPath[]> {
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
  const chosen = entries.find((entry) => entry.prefix === match.path) ?? entries.find((entry) => entry.prefix === undefined || entry.prefix === "");
  return { problems: [], value: chosen === undefined ? [] : pair(match.path, chosen.replacement) };
}

function pair(prefix: string, replacement: string): readonly RewrittenPath[] {
  const [bare, target] = [prefix.replace(/\/+$/, ""), replacement.replace(/\/+$/, "")];
  if (bare === "") return [{ path: { kind: "prefix", path: "/", by: "string" }, rewrite: { kind: "prefix", prefix: `${target}/` } }];
  return [
    { path: { kind: "prefix", path: `${bare}/`, by: "string" }, rewrite: { kind: "prefix", prefix: `${target}/` } },
    { path: { kind: "prefix", path: bare, by: "string" }, rewrite: { kind: "prefix", prefix: target === "" ? "/" : target } },
  ];
}
