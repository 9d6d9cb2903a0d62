import { packAny } from "#envoy/any";
import type { Filter } from "#envoy/filters/filter";
import { headerMatcher } from "#envoy/match";
import { RateLimit, RateLimit_Action } from "#gen/envoy/envoy/config/route/v3/route_components";
import { RateLimitPerRoute, RateLimitPerRoute_VhRateLimitsOptions as HostLimits } from "#gen/envoy/envoy/extensions/filters/http/ratelimit/v3/rate_limit";
import type { GlobalRateLimit, RateLimitEntry } from "#model/policy";

/** Limits requests by an external service. A route that has it disabled ignores the limits of its host, too. */
export const globalRateLimit: Filter = {
  name: "envoy.filters.http.ratelimit",
  onRoute: ({ globalRateLimit: limit }) => (limit?.kind === "disabled" ? packAny(RateLimitPerRoute, { vhRateLimits: HostLimits.IGNORE }) : undefined),
};

/** The descriptors that a host or route sends to the rate limit service. */
export function rateLimits(limit: GlobalRateLimit | undefined): RateLimit[] {
  if (limit === undefined || limit.kind === "disabled") return [];
  return limit.descriptors.map((entries) => RateLimit.fromPartial({ actions: entries.map(action) }));
}

function action(entry: RateLimitEntry): RateLimit_Action {
  switch (entry.kind) {
    case "generic-key":
      return RateLimit_Action.fromPartial({ actionSpecifier: { $case: "genericKey", value: { descriptorKey: entry.key ?? "", descriptorValue: entry.value } } });
    case "request-header":
      return RateLimit_Action.fromPartial({ actionSpecifier: { $case: "requestHeaders", value: { headerName: entry.header, descriptorKey: entry.descriptorKey } } });
    case "remote-address":
      return RateLimit_Action.fromPartial({ actionSpecifier: { $case: "remoteAddress", value: {} } });
    case "header-value-match":
      return RateLimit_Action.fromPartial({ actionSpecifier: { $case: "headerValueMatch", value: { descriptorValue: entry.value, expectMatch: entry.expectMatch, headers: entry.headers.map(headerMatcher) } } });
  }
}
