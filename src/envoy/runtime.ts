import { encode } from "#envoy/any";
import { runtimeName } from "#envoy/names";
import { Runtime } from "#gen/envoy/envoy/service/runtime/v3/rtds";
import { compareText } from "#lib/compare";
import type { EnvoySettings } from "#settings/envoy";

/** Encodes the layer of Envoy's runtime that the controller decides. It has to be there before any route. `listeners` are those that serve clients. */
export function buildRuntime({ runtime, maxRequestsPerIoCycle, maxConnectionsPerListener }: EnvoySettings, listeners: readonly string[]): Uint8Array {
  const layer = {
    ...runtime,
    // Envoy's own limit of 100 refuses regular expressions that are quite usual: `/api/v[0-9]+/[a-z]{1,50}` is too long.
    "re2.max_program_size.error_level": 1_048_576,
    "re2.max_program_size.warn_level": 1000,
    ...(maxRequestsPerIoCycle === undefined ? {} : { "http.max_requests_per_io_cycle": maxRequestsPerIoCycle }),
    ...(maxConnectionsPerListener === undefined ? {} : Object.fromEntries(listeners.toSorted(compareText).map((name) => [connectionLimitKey(name), maxConnectionsPerListener]))),
  };
  return encode(Runtime, { name: runtimeName, layer });
}

/** Where Envoy looks for the limit of a listener's connections (Envoy, "Runtime": resource limits of listeners). */
function connectionLimitKey(listener: string): string {
  return `envoy.resource_limits.listener.${listener}.connection_limit`;
}
