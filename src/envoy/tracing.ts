import { typedConfig } from "#envoy/any";
import { grpcService } from "#envoy/grpc-service";
import { OpenTelemetryConfig } from "#gen/envoy/envoy/config/trace/v3/opentelemetry";
import type { DeepPartial, HttpConnectionManager_Tracing } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { CustomTag } from "#gen/envoy/envoy/type/tracing/v3/custom_tag";
import type { Tracing } from "#settings/envoy";

/** Spans for requests, sent to an OpenTelemetry collector over gRPC. */
export function tracing({ cluster, serviceName, percent, maxPathTagLength, podDetail, tags }: Tracing): DeepPartial<HttpConnectionManager_Tracing> {
  const pod = podDetail ? [environmentTag("podName", "HOSTNAME"), environmentTag("podNamespace", "CONTOUR_NAMESPACE")] : [];
  return {
    clientSampling: { value: percent.client },
    randomSampling: { value: percent.random },
    overallSampling: { value: percent.overall },
    maxPathTagLength,
    spawnUpstreamSpan: true,
    customTags: [...pod, ...tags.map(userTag)],
    provider: { name: "envoy.tracers.opentelemetry", configType: typedConfig(OpenTelemetryConfig, { grpcService: grpcService(cluster), serviceName }) },
  };
}

function environmentTag(tag: string, name: string): DeepPartial<CustomTag> {
  return { tag, type: { $case: "environment", value: { name, defaultValue: "" } } };
}

function userTag({ name, value }: Tracing["tags"][number]): DeepPartial<CustomTag> {
  if (value.kind === "literal") return { tag: name, type: { $case: "literal", value: { value: value.text } } };
  return { tag: name, type: { $case: "requestHeader", value: { name: value.header, defaultValue: "" } } };
}
