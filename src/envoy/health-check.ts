import { toDuration } from "#envoy/duration";
import { HealthCheck as EnvoyHealthCheck } from "#gen/envoy/envoy/config/core/v3/health_check";
import { CodecClientType } from "#gen/envoy/envoy/type/v3/http";
import type { HealthCheck, UpstreamProtocol } from "#model/cluster";

/** An active health check, spoken in the protocol of the backend. */
export function healthCheck(check: HealthCheck, protocol: UpstreamProtocol): EnvoyHealthCheck {
  return EnvoyHealthCheck.fromPartial({
    timeout: toDuration(check.timeoutMs),
    interval: toDuration(check.intervalMs),
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
    healthChecker: check.kind === "tcp" ? { $case: "tcpHealthCheck", value: {} } : { $case: "httpHealthCheck", value: httpCheck(check, protocol) },
  });
}

function httpCheck({ path, host, expectedStatuses }: Extract<HealthCheck, { kind: "http" }>, protocol: UpstreamProtocol) {
  return {
    path,
    host,
    expectedStatuses: expectedStatuses.map(({ start, end }) => ({ start: BigInt(start), end: BigInt(end) })),
    codecClientType: protocol === "h2" || protocol === "h2c" ? CodecClientType.HTTP2 : CodecClientType.HTTP1,
  };
}
