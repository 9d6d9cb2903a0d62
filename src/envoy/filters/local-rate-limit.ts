import { packAny } from "#envoy/any";
import { toDuration } from "#envoy/duration";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { headerOption } from "#envoy/header-policy";
import { runtimePercent } from "#envoy/percent";
import { LocalRateLimit as EnvoyLocalRateLimit } from "#gen/envoy/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit";
import type { HttpStatus } from "#gen/envoy/envoy/type/v3/http_status";
import type { Any } from "#gen/envoy/google/protobuf/any";
import type { LocalRateLimit } from "#model/policy";

const name = "envoy.filters.http.local_ratelimit";

/** Limits requests by a token bucket inside each Envoy. In the listener it has no bucket: hosts and routes bring theirs. */
export const localRateLimit: Filter = {
  name,
  inListener: () => httpFilter(name, EnvoyLocalRateLimit, { statPrefix: "http" }),
  onRoute: ({ localRateLimit: limit }, { host }) => (limit === undefined ? undefined : { [name]: bucket(limit, host) }),
};

function bucket({ maxTokens, tokensPerFill, fillIntervalMs, statusCode, responseHeaders }: LocalRateLimit, host: string): Any {
  return packAny(EnvoyLocalRateLimit, {
    statPrefix: `vhost.${host}`,
    tokenBucket: { maxTokens, tokensPerFill, fillInterval: toDuration(fillIntervalMs) },
    status: { code: statusCode as HttpStatus["code"] },
    responseHeadersToAdd: responseHeaders.map((header) => headerOption(header.name, header.value, "append")),
    filterEnabled: runtimePercent(100),
    filterEnforced: runtimePercent(100),
  });
}
