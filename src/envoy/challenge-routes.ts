import { packAny } from "#envoy/any";
import { authorization, gateName } from "#envoy/filters/authorization";
import { cors } from "#envoy/filters/cors";
import { globalRateLimit } from "#envoy/filters/global-rate-limit";
import { wildcardHost } from "#envoy/filters/host-fallback";
import { ipFilter } from "#envoy/filters/ip-filter";
import { jwt } from "#envoy/filters/jwt";
import { localRateLimit } from "#envoy/filters/local-rate-limit";
import { directResponse } from "#envoy/route-action";
import { FilterConfig, Route } from "#gen/envoy/envoy/config/route/v3/route_components";
import { LuaPerRoute } from "#gen/envoy/envoy/extensions/filters/http/lua/v3/lua";
import type { Any } from "#gen/envoy/google/protobuf/any";
import { compareText } from "#lib/compare";

/** What a host answers to an ACME server that asks for a token (HTTP-01; RFC 8555, section 8.3). */
export interface ChallengeAnswer {
  readonly token: string;
  readonly answer: string;
}

/** Whoever knows a token may have its answer: nobody is asked, refused or counted on the way. */
const pastAllFilters: Readonly<Record<string, Any>> = {
  ...Object.fromEntries([cors.name, localRateLimit.name, ipFilter.name, jwt.name, gateName, authorization.name, globalRateLimit.name].map((name) => [name, packAny(FilterConfig, { disabled: true })])),
  [wildcardHost.name]: packAny(LuaPerRoute, { override: { $case: "disabled", value: true } }),
};

/** The routes of challenges, which come before everything else that a host says: redirects, checks and its own routes. */
export function challengeRoutes(answers: readonly ChallengeAnswer[]): readonly Route[] {
  const sorted = answers.toSorted((a, b) => compareText(a.token, b.token) || compareText(a.answer, b.answer));
  return sorted.map(({ token, answer }) =>
    Route.fromPartial({
      match: { pathSpecifier: { $case: "path", value: `/.well-known/acme-challenge/${token}` } },
      action: directResponse(200, answer),
      typedPerFilterConfig: pastAllFilters,
    }),
  );
}
