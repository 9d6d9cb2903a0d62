import { extension, typedConfig } from "#envoy/any";
import { xdsCluster } from "#envoy/bootstrap-cluster";
import { toDuration } from "#envoy/duration";
import { grpcService } from "#envoy/grpc-service";
import type { Bootstrap } from "#gen/envoy/envoy/config/bootstrap/v3/bootstrap";
import type { Cluster } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { SinkConfig } from "#gen/envoy/envoy/extensions/stat_sinks/open_telemetry/v3/open_telemetry";
import { EnvironmentResourceDetectorConfig } from "#gen/envoy/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector";
import { StaticConfigResourceDetectorConfig } from "#gen/envoy/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector";

/** Where Envoy sends its metrics over OTLP (gRPC without TLS). Envoy wants to know it when it starts. */
export interface MetricsCollector {
  /** An IP address or a name. */
  readonly address: string;
  readonly port: number;
  /** Milliseconds between two reports; 5 seconds unless said. */
  readonly intervalMs?: number;
  /** Who reports: the name of this Envoy, or that its environment says so (OTEL_RESOURCE_ATTRIBUTES). */
  readonly instance: { readonly kind: "name"; readonly name: string } | { readonly kind: "environment" };
}

const clusterName = "otlp-metrics";

/** The parts of a bootstrap by which metrics are sent. The collector is reached like the controller: it, too, is there before any cluster that comes over xDS. */
export function metricsCollector(collector: MetricsCollector): { readonly cluster: Cluster; readonly sink: Pick<Bootstrap, "statsSinks" | "statsFlushInterval"> } {
  const { address, port, intervalMs = 5000, instance } = collector;
  const own = extension("envoy.tracers.opentelemetry.resource_detectors.static_config", StaticConfigResourceDetectorConfig, { attributes: { "service.name": "envoy", ...(instance.kind === "name" ? { "service.instance.id": instance.name } : {}) } });
  const fromEnvironment = extension("envoy.tracers.opentelemetry.resource_detectors.environment", EnvironmentResourceDetectorConfig, {});
  const config = SinkConfig.fromPartial({
    protocolSpecifier: { $case: "grpcService", value: grpcService(clusterName) },
    resourceDetectors: instance.kind === "environment" ? [own, fromEnvironment] : [own],
  });
  return {
    cluster: xdsCluster(clusterName, { kind: "tcp", address, port }),
    sink: { statsSinks: [{ name: "envoy.stat_sinks.open_telemetry", configType: typedConfig(SinkConfig, config) }], statsFlushInterval: toDuration(intervalMs) },
  };
}
