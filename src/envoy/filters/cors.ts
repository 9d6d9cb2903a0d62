import { packAny } from "#envoy/any";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { stringMatcher } from "#envoy/match";
import { Cors, CorsPolicy as EnvoyCorsPolicy } from "#gen/envoy/envoy/extensions/filters/http/cors/v3/cors";
import type { StringMatcher } from "#gen/envoy/envoy/type/matcher/v3/string";
import type { Any } from "#gen/envoy/google/protobuf/any";
import type { CorsOrigin, CorsPolicy } from "#model/policy";

const name = "envoy.filters.http.cors";

/** Answers preflight requests and tells browsers which other sites may read. */
export const cors: Filter = { name, inListener: () => httpFilter(name, Cors, {}), onRoute: ({ cors: policy }) => (policy === undefined ? undefined : { [name]: corsPolicy(policy) }) };

function corsPolicy(policy: CorsPolicy): Any {
  return packAny(EnvoyCorsPolicy, {
    allowOriginStringMatch: policy.allowOrigins.map(originMatcher),
    allowMethods: policy.allowMethods.join(","),
    allowHeaders: policy.allowHeaders.join(","),
    exposeHeaders: policy.exposeHeaders.join(","),
    allowCredentials: policy.allowCredentials,
    allowPrivateNetworkAccess: policy.allowPrivateNetwork,
    ...(policy.answerForeignPreflights === true ? { forwardNotMatchingPreflights: false } : {}),
    maxAge: policy.maxAgeSeconds === undefined ? "" : String(policy.maxAgeSeconds),
  });
}

function originMatcher(origin: CorsOrigin): StringMatcher {
  switch (origin.kind) {
    case "any":
      return stringMatcher({ kind: "exact", value: "*", ignoreCase: false });
    case "exact":
      return stringMatcher({ kind: "exact", value: origin.origin, ignoreCase: true });
    case "regex":
      return stringMatcher({ kind: "regex", pattern: origin.pattern });
  }
}
