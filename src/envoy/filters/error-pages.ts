import { extension, packAny } from "#envoy/any";
import { inlineString } from "#envoy/data-source";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { headerOption } from "#envoy/header-policy";
import { CustomResponse } from "#gen/envoy/envoy/extensions/filters/http/custom_response/v3/custom_response";
import { LocalResponsePolicy } from "#gen/envoy/envoy/extensions/http/custom_response/local_response_policy/v3/local_response_policy";
import { HttpResponseStatusCodeMatchInput } from "#gen/envoy/envoy/type/matcher/v3/status_code_input";
import type { DeepPartial, Matcher, Matcher_MatcherList_Predicate } from "#gen/envoy/xds/type/matcher/v3/matcher";
import type { ErrorPage } from "#model/policy";

const name = "envoy.filters.http.custom_response";

/** Puts pages in place of error answers, of backends and of Envoy itself. */
export const errorPages: Filter = {
  name,
  inListener: () => httpFilter(name, CustomResponse, {}),
  onRoute: ({ errorPages: pages }) => (pages === undefined || pages.length === 0 ? undefined : { [name]: packAny(CustomResponse, { customResponseMatcher: matcher(pages) }) }),
};

function matcher(pages: readonly ErrorPage[]): DeepPartial<Matcher> {
  const matchers = pages.map((page) => ({ predicate: anyOf(page.answers.map(statusIs)), onMatch: { onMatch: { $case: "action" as const, value: extension("contour.error-page", LocalResponsePolicy, policy(page)) } } }));
  return { matcherType: { $case: "matcherList", value: { matchers } } };
}

function anyOf(predicates: readonly DeepPartial<Matcher_MatcherList_Predicate>[]): DeepPartial<Matcher_MatcherList_Predicate> {
  const [only] = predicates;
  return predicates.length === 1 && only !== undefined ? only : { matchType: { $case: "orMatcher", value: { predicate: [...predicates] } } };
}

function statusIs({ from, to }: ErrorPage["answers"][number]): DeepPartial<Matcher_MatcherList_Predicate> {
  // Codes have three digits, so a class is a pattern of its first one.
  const regex = from === to ? String(from) : `${String(from).slice(0, 1)}[0-9][0-9]`;
  return { matchType: { $case: "singlePredicate", value: { input: extension("envoy.matching.inputs.status_code_input", HttpResponseStatusCodeMatchInput, {}), matcher: { $case: "valueMatch", value: { matchPattern: { $case: "safeRegex", value: { engineType: { $case: "googleRe2", value: {} }, regex } } } } } } };
}

function policy({ body, contentType, status }: ErrorPage): DeepPartial<LocalResponsePolicy> {
  return { body: inlineString(body), statusCode: status, responseHeadersToAdd: [headerOption("content-type", contentType.replaceAll("%", "%%"), "replace")] };
}
