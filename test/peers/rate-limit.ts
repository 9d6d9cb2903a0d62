import type { JsonValue } from "#envoy/json";
import type { Peer } from "./listen.ts";
import { startGrpc } from "./grpc.ts";

interface Question {
  readonly domain?: string;
  readonly descriptors?: readonly { readonly entries?: readonly { readonly key?: string; readonly value?: string }[] }[];
}

/**
 * Starts a rate limit service (envoy.service.ratelimit.v3): a descriptor with the value `full` is over its limit, and every
 * other one is within. Clients see what it was asked in `x-limit-asked`.
 */
export function startRateLimit(): Promise<Peer> {
  const answer = (request: JsonValue): JsonValue => {
    const { domain = "", descriptors = [] } = request as Question;
    const asked = descriptors.map(({ entries = [] }) => entries.map(({ key, value }) => `${key}=${value}`).join(","));
    const over = descriptors.map(({ entries = [] }) => entries.some(({ value }) => value === "full"));
    const limit = { requestsPerUnit: 7, unit: "MINUTE" };
    return {
      overallCode: over.includes(true) ? "OVER_LIMIT" : "OK",
      statuses: over.map((one) => ({ code: one ? "OVER_LIMIT" : "OK", currentLimit: limit, limitRemaining: one ? 0 : 3, durationUntilReset: "30s" })),
      responseHeadersToAdd: [{ key: "x-limit-asked", value: `${domain}: ${asked.join("; ")}` }],
    };
  };
  return startGrpc([{ path: "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit", request: "envoy.service.ratelimit.v3.RateLimitRequest", response: "envoy.service.ratelimit.v3.RateLimitResponse", answer }]);
}
