import { typedConfig } from "#envoy/any";
import { pipe, xdsCluster } from "#envoy/bootstrap-cluster";
import type { XdsUpstream } from "#envoy/bootstrap-cluster";
import { ads } from "#envoy/config-source";
import { metricsCollector } from "#envoy/metrics-collector";
import type { MetricsCollector } from "#envoy/metrics-collector";
import { socketAddress } from "#envoy/address";
import { fromCanonicalJson, toCanonicalJson } from "#envoy/json";
import type { JsonValue } from "#envoy/json";
import { toDuration } from "#envoy/duration";
import { Bootstrap } from "#gen/envoy/envoy/config/bootstrap/v3/bootstrap";
import type { Admin, LayeredRuntime } from "#gen/envoy/envoy/config/bootstrap/v3/bootstrap";
import { Cluster, Cluster_DiscoveryType } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { ApiConfigSource, ApiConfigSource_ApiType, ApiVersion } from "#gen/envoy/envoy/config/core/v3/config_source";
import type { Address } from "#gen/envoy/envoy/config/core/v3/address";
import type { StatsConfig } from "#gen/envoy/envoy/config/metrics/v3/stats";
import { OverloadManager } from "#gen/envoy/envoy/config/overload/v3/overload";
import type { DeepPartial } from "#gen/envoy/envoy/config/overload/v3/overload";
import { FileAccessLog } from "#gen/envoy/envoy/extensions/access_loggers/file/v3/file";

/** Where Envoy's admin interface listens. */
export type AdminEndpoint =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly address: string; readonly port: number };

/** Limits at which Envoy protects itself; absent leaves them off. */
export interface OverloadLimits {
  readonly maxHeapBytes?: bigint;
  readonly maxDownstreamConnections?: bigint;
}

/** What an Envoy has to know before it can ask the controller. */
export interface BootstrapOptions {
  readonly xds: XdsUpstream;
  readonly admin: AdminEndpoint;
  /** Who this Envoy is; absent leaves it to the flags of the Envoy binary. */
  readonly node?: { readonly id: string; readonly cluster: string; readonly zone?: string };
  readonly overload?: OverloadLimits;
  /** Absent sends metrics nowhere; Prometheus fetches them all the same. */
  readonly metrics?: MetricsCollector;
}

/** The name of the cluster that the controller is reached by. */
export const xdsClusterName = "contour";

/** Builds the configuration that an Envoy starts with: it gets everything else from the controller, over one delta stream. */
export function buildBootstrap(options: BootstrapOptions): Bootstrap {
  const { node, xds, admin, overload, metrics } = options;
  const collector = metrics === undefined ? undefined : metricsCollector(metrics);
  return Bootstrap.fromPartial({
    ...(node && { node: { id: node.id, cluster: node.cluster, ...(node.zone === undefined ? {} : { locality: { zone: node.zone } }) } }),
    dynamicResources: { adsConfig: adsOverOneStream(), cdsConfig: ads, ldsConfig: ads },
    staticResources: { clusters: [xdsCluster(xdsClusterName, xds), ...adminClusters(admin), ...(collector === undefined ? [] : [collector.cluster])] },
    ...collector?.sink,
    statsConfig,
    layeredRuntime,
    admin: adminInterface(admin),
    ...(overload && Object.values(overload).some((limit) => limit !== undefined) && { overloadManager: overloadManager(overload) }),
  });
}

/** Gives a bootstrap as the JSON text that Envoy reads. */
export function bootstrapJson(bootstrap: Bootstrap): string {
  return `${JSON.stringify(bootstrapValue(bootstrap), undefined, 2)}\n`;
}

function bootstrapValue(bootstrap: Bootstrap): JsonValue {
  return toCanonicalJson(Bootstrap.$type, Bootstrap.encode(bootstrap).finish());
}

function adsOverOneStream(): ApiConfigSource {
  return ApiConfigSource.fromPartial({
    apiType: ApiConfigSource_ApiType.DELTA_GRPC,
    transportApiVersion: ApiVersion.V3,
    grpcServices: [{ targetSpecifier: { $case: "envoyGrpc", value: { clusterName: xdsClusterName, authority: xdsClusterName } } }],
    setNodeOnFirstMessageOnly: true,
  });
}

const layeredRuntime: LayeredRuntime = {
  layers: [
    { name: "dynamic", layerSpecifier: { $case: "rtdsLayer", value: { name: "dynamic", rtdsConfig: ads } } },
    { name: "admin", layerSpecifier: { $case: "adminLayer", value: {} } },
  ],
};

/** What is counted for each host whose certificate was asked for: eleven series each, of which none tells more than those of the listener and the controller's. */
const ofHosts = [
  // Secrets that a configuration names have a slash in their names, those of the bootstrap no dot.
  "^sds\\.[^./]+\\.[^/]+\\.[^./]+$",
  "^listener\\..*\\.ssl\\.certificate\\.[^/]+$",
];

const statsConfig: DeepPartial<StatsConfig> = {
  statsMatcher: { statsMatcher: { $case: "exclusionList", value: { patterns: ofHosts.map((regex) => ({ matchPattern: { $case: "safeRegex", value: { regex } } })) } } },
};

// Readable and writable by Envoy's user, readable by the others of the pod.
const adminSocketMode = 0o644;

function adminAddress(admin: AdminEndpoint): Address {
  return admin.kind === "unix" ? pipe(admin.path, adminSocketMode) : socketAddress(admin.address, admin.port);
}

function adminInterface(admin: AdminEndpoint): DeepPartial<Admin> {
  const log = { name: "envoy.access_loggers.file", configType: typedConfig(FileAccessLog, { path: "/dev/null" }) };
  return { address: adminAddress(admin), accessLog: [log] };
}

// The cluster lets a read-only listener, configured by the controller, forward to the admin socket.
function adminClusters(admin: AdminEndpoint): readonly Cluster[] {
  const endpoint = { address: adminAddress(admin) };
  const cluster = Cluster.fromPartial({
    name: "envoy-admin",
    altStatName: "envoy-admin",
    connectTimeout: toDuration(250),
    clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.STATIC },
    loadAssignment: { clusterName: "envoy-admin", endpoints: [{ lbEndpoints: [{ hostIdentifier: { $case: "endpoint", value: endpoint } }] }] },
  });
  return [cluster];
}

const heapMonitor = "envoy.resource_monitors.fixed_heap";
const connectionsMonitor = "envoy.resource_monitors.global_downstream_max_connections";

function overloadManager({ maxHeapBytes, maxDownstreamConnections }: OverloadLimits): OverloadManager {
  const heap = maxHeapBytes === undefined ? [] : [monitor(heapMonitor, "fixed_heap.v3.FixedHeapConfig", { maxHeapSizeBytes: String(maxHeapBytes) })];
  const connections =
    maxDownstreamConnections === undefined
      ? []
      : [monitor(connectionsMonitor, "downstream_connections.v3.DownstreamConnectionsConfig", { maxActiveDownstreamConnections: String(maxDownstreamConnections) })];
  return OverloadManager.fromPartial({
    refreshInterval: toDuration(250),
    resourceMonitors: [...heap, ...connections],
    actions: heap.length === 0 ? [] : [heapAction("envoy.overload_actions.shrink_heap", 0.95), heapAction("envoy.overload_actions.stop_accepting_requests", 0.98)],
  });
}

function monitor(name: string, message: string, json: JsonValue) {
  const type = `envoy.extensions.resource_monitors.${message}`;
  return { name, configType: { $case: "typedConfig" as const, value: { typeUrl: `type.googleapis.com/${type}`, value: fromCanonicalJson(type, json) } } };
}

function heapAction(name: string, value: number) {
  return { name, triggers: [{ name: heapMonitor, triggerOneof: { $case: "threshold" as const, value: { value } } }] };
}
