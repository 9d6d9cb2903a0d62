import { socketAddress } from "#envoy/address";
import { encode } from "#envoy/any";
import { ads } from "#envoy/config-source";
import { toDuration } from "#envoy/duration";
import { healthCheck } from "#envoy/health-check";
import { usesTls, upstreamProtocol, upstreamTls } from "#envoy/upstream";
import { CircuitBreakers } from "#gen/envoy/envoy/config/cluster/v3/circuit_breaker";
import { Cluster as EnvoyCluster, Cluster_DiscoveryType as Discovery, Cluster_DnsLookupFamily as Family, Cluster_LbPolicy as Policy } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import type { Cluster_SlowStartConfig, DeepPartial } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import type { OutlierDetection as EnvoyOutlierDetection } from "#gen/envoy/envoy/config/cluster/v3/outlier_detection";
import type { CircuitBreakers as Limits, Cluster, LoadBalancing, SlowStart } from "#model/cluster";
import type { OutlierDetection } from "#model/policy";
import type { EnvoySettings } from "#settings/envoy";

type Parts = DeepPartial<EnvoyCluster>;

/** Encodes a cluster. Its addresses come over EDS, or from DNS for Services that are a name elsewhere. */
export function buildCluster(cluster: Cluster, settings: EnvoySettings): Uint8Array {
  return encode(EnvoyCluster, {
    name: cluster.name,
    altStatName: cluster.statName,
    connectTimeout: toDuration(cluster.connectTimeoutMs),
    perConnectionBufferLimitBytes: settings.cluster.perConnectionBufferLimitBytes,
    // With the default of 50 % Envoy would send requests to endpoints that it knows to be unhealthy.
    commonLbConfig: { healthyPanicThreshold: { value: 0 }, ...(cluster.weightedGroups === true ? { localityConfigSpecifier: { $case: "localityWeightedLbConfig", value: {} } } : {}) },
    ...discovery(cluster),
    ...loadBalancing(cluster),
    ...limits(cluster.circuitBreakers, settings),
    ...(cluster.healthCheck === undefined ? {} : { healthChecks: [healthCheck(cluster.healthCheck, cluster.protocol)], ignoreHealthOnHostRemoval: true }),
    ...(cluster.outlierDetection === undefined ? {} : { outlierDetection: outlierDetection(cluster.outlierDetection) }),
    ...(usesTls(cluster) ? { transportSocket: upstreamTls(cluster, settings) } : {}),
    ...upstreamProtocol(cluster, settings),
  });
}

function discovery({ name, source }: Cluster): Parts {
  if (source.kind === "endpoints") return { clusterDiscoveryType: { $case: "type", value: Discovery.EDS }, edsClusterConfig: { edsConfig: ads, serviceName: source.endpoints } };
  const { host, port, family } = source;
  const type = family === "all" ? Discovery.LOGICAL_DNS : Discovery.STRICT_DNS;
  const lbEndpoints = [{ hostIdentifier: { $case: "endpoint" as const, value: { address: socketAddress(host, port) } } }];
  return { clusterDiscoveryType: { $case: "type", value: type }, dnsLookupFamily: families[family], loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints }] } };
}

const families = { auto: Family.AUTO, v4: Family.V4_ONLY, v6: Family.V6_ONLY, all: Family.ALL } as const;

const policies: Readonly<Record<LoadBalancing, Policy>> = { "round-robin": Policy.ROUND_ROBIN, "least-request": Policy.LEAST_REQUEST, random: Policy.RANDOM, "ring-hash": Policy.RING_HASH };

function loadBalancing({ loadBalancing, slowStart }: Cluster): Parts {
  const lbPolicy = policies[loadBalancing];
  if (slowStart === undefined) return { lbPolicy };
  if (loadBalancing === "round-robin") return { lbPolicy, lbConfig: { $case: "roundRobinLbConfig", value: { slowStartConfig: slowStartConfig(slowStart) } } };
  if (loadBalancing === "least-request") return { lbPolicy, lbConfig: { $case: "leastRequestLbConfig", value: { slowStartConfig: slowStartConfig(slowStart) } } };
  // Envoy knows slow start for these two policies only.
  return { lbPolicy };
}

function slowStartConfig({ windowMs, aggression, minimumWeightPercent }: SlowStart): DeepPartial<Cluster_SlowStartConfig> {
  return { slowStartWindow: toDuration(windowMs), aggression: { defaultValue: aggression, runtimeKey: "contour.slowstart.aggression" }, minWeightPercent: { value: minimumWeightPercent } };
}

/** Without a split of errors by origin, as here, connections that fail count as 5xx answers do. */
function outlierDetection({ consecutiveErrors, intervalMs, baseEjectionMs, maxEjectionPercent }: OutlierDetection): DeepPartial<EnvoyOutlierDetection> {
  return {
    consecutive5xx: consecutiveErrors,
    // By the share of successes nothing is ejected: users name errors in a row.
    enforcingSuccessRate: 0,
    interval: intervalMs === undefined ? undefined : toDuration(intervalMs),
    baseEjectionTime: baseEjectionMs === undefined ? undefined : toDuration(baseEjectionMs),
    maxEjectionPercent,
  };
}

/** As many as Envoy's other limits. Its own, 3, is passed by the first endpoint that refuses connections. */
const maxRetries = 1024;

function limits({ perHostMaxConnections, ...rest }: Limits, { connectionRetries }: EnvoySettings): Parts {
  const chosen = Object.values(rest).some((limit) => limit !== undefined);
  const some = chosen || connectionRetries > 0;
  if (!some && perHostMaxConnections === undefined) return {};
  const thresholds = some ? [{ ...(connectionRetries === 0 ? {} : { maxRetries }), ...rest, trackRemaining: chosen }] : [];
  const perHostThresholds = perHostMaxConnections === undefined ? [] : [{ maxConnections: perHostMaxConnections, trackRemaining: true }];
  return { circuitBreakers: CircuitBreakers.fromPartial({ thresholds, perHostThresholds }) };
}
