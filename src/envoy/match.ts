import { HeaderMatcher, QueryParameterMatcher } from "#gen/envoy/envoy/config/route/v3/route_components";
import { RegexMatcher } from "#gen/envoy/envoy/type/matcher/v3/regex";
import { StringMatcher } from "#gen/envoy/envoy/type/matcher/v3/string";
import type { NameMatch } from "#model/policy";
import type { HeaderMatch, QueryMatch, ValueMatch } from "#model/route";

/** A test of a text that is there. */
export type TextMatch = Exclude<ValueMatch, { readonly kind: "present" }>;

/** An RE2 pattern that must match a whole text. */
export function regexMatcher(regex: string): RegexMatcher {
  return RegexMatcher.fromPartial({ regex });
}

/** A test of a text. */
export function stringMatcher(match: TextMatch): StringMatcher {
  if (match.kind === "regex") return StringMatcher.fromPartial({ matchPattern: { $case: "safeRegex", value: regexMatcher(match.pattern) } });
  return StringMatcher.fromPartial({ matchPattern: { $case: match.kind, value: match.value }, ignoreCase: match.ignoreCase });
}

/** A test of the name of a header. */
export function nameMatcher({ kind, value, ignoreCase }: NameMatch): StringMatcher {
  return StringMatcher.fromPartial({ matchPattern: { $case: kind, value }, ignoreCase });
}

/** A rule on a request header. */
export function headerMatcher({ name, value, invert, treatMissingAsEmpty }: HeaderMatch): HeaderMatcher {
  const common = { name, invertMatch: invert, treatMissingHeaderAsEmpty: treatMissingAsEmpty };
  if (value.kind === "present") return HeaderMatcher.fromPartial({ ...common, headerMatchSpecifier: { $case: "presentMatch", value: true } });
  return HeaderMatcher.fromPartial({ ...common, headerMatchSpecifier: { $case: "stringMatch", value: stringMatcher(value) } });
}

/** A rule on a query parameter. */
export function queryMatcher({ name, value }: QueryMatch): QueryParameterMatcher {
  if (value.kind === "present") return QueryParameterMatcher.fromPartial({ name, queryParameterMatchSpecifier: { $case: "presentMatch", value: true } });
  return QueryParameterMatcher.fromPartial({ name, queryParameterMatchSpecifier: { $case: "stringMatch", value: stringMatcher(value) } });
}
