import { ConfigSource } from "#gen/envoy/envoy/config/core/v3/config_source";
import { ApiVersion } from "#gen/envoy/envoy/config/core/v3/config_source";

/** Says that a resource comes over the one stream that everything comes over. */
export const ads: ConfigSource = ConfigSource.fromPartial({ configSourceSpecifier: { $case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 });
