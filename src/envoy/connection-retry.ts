import { typedConfig } from "#envoy/any";
import { toDuration } from "#envoy/duration";
import { RetryPolicy } from "#gen/envoy/envoy/config/route/v3/route_components";
import { PreviousHostsPredicate } from "#gen/envoy/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts";
import { PreviousPrioritiesConfig } from "#gen/envoy/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config";
import type { EnvoySettings } from "#settings/envoy";

/** How often Envoy looks for an endpoint that was not tried, before it takes one that was. */
const hostSelectionRetryMaxAttempts = 5;

/**
 * What happens to requests that no endpoint got: another endpoint gets them, whatever their method, as nothing was sent. It is said once per
 * host; a route with a policy of its own has that alone. Far endpoints come into play when a near one fails.
 */
export function connectionRetry({ connectionRetries }: EnvoySettings): RetryPolicy | undefined {
  if (connectionRetries === 0) return undefined;
  return RetryPolicy.fromPartial({
    retryOn: "connect-failure,refused-stream,reset-before-request",
    numRetries: connectionRetries,
    // Another endpoint is no reason to wait.
    retryBackOff: { baseInterval: toDuration(1) },
    retryHostPredicate: [{ name: "envoy.retry_host_predicates.previous_hosts", configType: typedConfig(PreviousHostsPredicate, {}) }],
    hostSelectionRetryMaxAttempts: BigInt(hostSelectionRetryMaxAttempts),
    retryPriority: { name: "envoy.retry_priorities.previous_priorities", configType: typedConfig(PreviousPrioritiesConfig, { updateFrequency: 1 }) },
  });
}
