import { packAny } from "#envoy/any";
import { timeoutDuration } from "#envoy/duration";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { grpcService } from "#envoy/grpc-service";
import { headerMatcher } from "#envoy/match";
import { ApiVersion } from "#gen/envoy/envoy/config/core/v3/config_source";
import { RateLimit, RateLimit_Action } from "#gen/envoy/envoy/config/route/v3/route_components";
import { RateLimit as EnvoyRateLimit, RateLimit_XRateLimitHeadersRFCVersion as Headers, RateLimitPerRoute, RateLimitPerRoute_VhRateLimitsOptions as HostLimits } from "#gen/envoy/envoy/extensions/filters/http/ratelimit/v3/rate_limit";
import type { HttpFilter } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { GlobalRateLimit, RateLimitEntry, RateLimitService } from "#model/policy";

const name = "envoy.filters.http.ratelimit";

/** Limits requests by an external service. A route that has it disabled ignores the limits of its host, too. */
export const globalRateLimit: Filter = {
  name,
  inListener: ({ rateLimitService }) => (rateLimitService === undefined ? undefined : service(rateLimitService)),
  onRoute: ({ globalRateLimit: limit }, { level }) => (limit?.kind === "disabled" && level === "route" ? { [name]: packAny(RateLimitPerRoute, { vhRateLimits: HostLimits.IGNORE }) } : undefined),
};

function service({ cluster, domain, timeout, failOpen, rateLimitHeaders, resourceExhausted }: RateLimitService): HttpFilter {
  return httpFilter(name, EnvoyRateLimit, {
    domain,
    failureModeDeny: !failOpen,
    timeout: timeoutDuration(timeout),
    rateLimitService: { grpcService: grpcService(cluster), transportApiVersion: ApiVersion.V3 },
    enableXRatelimitHeaders: rateLimitHeaders ? Headers.DRAFT_VERSION_03 : Headers.OFF,
    rateLimitedAsResourceExhausted: resourceExhausted,
  });
}

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
