import { typedConfig } from "#envoy/any";
import type { Codec } from "#envoy/any";
import { HttpFilter } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";

/** A filter with its settings. */
export function httpFilter<P, M>(name: string, codec: Codec<P, M>, partial: NoInfer<P>): HttpFilter {
  return HttpFilter.fromPartial({ name, configType: typedConfig(codec, partial) });
}
