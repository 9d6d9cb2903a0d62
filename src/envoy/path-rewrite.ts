import { regexMatcher } from "#envoy/match";
import { escapeRegex } from "#lib/regex";
import { segmentPrefix } from "#envoy/route-match";
import type { RegexMatchAndSubstitute } from "#gen/envoy/envoy/type/matcher/v3/regex";
import type { PathMatch, PathRewrite } from "#model/route";

/** A change of a path in the two ways that Envoy has for it. */
export type EnvoyPathRewrite = { readonly kind: "prefix"; readonly prefix: string } | { readonly kind: "regex"; readonly rewrite: RegexMatchAndSubstitute };

/** How Envoy changes the path of a request that was matched by `match`. */
export function envoyPathRewrite(match: PathMatch, rewrite: PathRewrite): EnvoyPathRewrite {
  switch (rewrite.kind) {
    case "full":
      return regexRewrite("^/.*$", literalSubstitution(rewrite.path));
    case "regex":
      return regexRewrite(rewrite.pattern, rewrite.substitution);
    case "prefix":
      return match.kind === "prefix" && match.by === "segment" ? replaceSegments(match.path, rewrite.prefix) : { kind: "prefix", prefix: rewrite.prefix };
  }
}

/** Whole segments are replaced by whole segments, so that neither `//` nor a lost slash comes out. */
function replaceSegments(matched: string, replacement: string): EnvoyPathRewrite {
  const [from, to] = [segmentPrefix(matched), segmentPrefix(replacement)];
  if (from === "") return { kind: "prefix", prefix: `${to}/` };
  if (to !== "") return { kind: "prefix", prefix: to };
  return regexRewrite(`^${escapeRegex(from)}/*`, "/");
}

function regexRewrite(pattern: string, substitution: string): EnvoyPathRewrite {
  return { kind: "regex", rewrite: { pattern: regexMatcher(pattern), substitution } };
}

/** In a substitution a backslash begins the number of a group. */
function literalSubstitution(text: string): string {
  return text.replaceAll("\\", "\\\\");
}
