import { Registry, collectDefaultMetrics } from "prom-client";
import { buildInfo } from "#app/build-info";
import type { ChangeCost, Controller } from "#app/controller";
import type { PipelineChange } from "#app/pipeline";
import { createBuildInfo } from "#metrics/build-info";
import { createCertificateMetrics } from "#metrics/certificates";
import { createClusterMetrics } from "#metrics/cluster";
import type { ClusterMetrics } from "#metrics/cluster";
import { createConfigurationMetric } from "#metrics/configuration";
import type { ConfigurationMetric } from "#metrics/configuration";
import { createControllerMetrics } from "#metrics/controller";
import { createEventCounter } from "#metrics/events";
import { HttpProxyGauges } from "#metrics/http-proxies";
import type { CountedProxy } from "#metrics/http-proxies";
import { createLeaderGauge } from "#metrics/leader";
import { createStatusMetrics } from "#metrics/status";
import { createXdsMetrics } from "#metrics/xds";
import { ourProxies } from "#translate/facts";

/** All metrics of a controller, in a registry of their own. */
export interface Observation {
  readonly registry: Registry;
  readonly status: ReturnType<typeof createStatusMetrics>;
  readonly xds: ReturnType<typeof createXdsMetrics>;
  readonly cluster: ClusterMetrics;
  readonly configuration: ConfigurationMetric;
  readonly events: ReturnType<typeof createEventCounter>;
  /** A batch of changes went through. */
  changed(change: PipelineChange, cost: ChangeCost): void;
  setLeading(leading: boolean): void;
}

/** Makes the metrics of a controller. What takes a look at everything is asked for when metrics are read, never per change. */
export function observe(controller: () => Controller, lease: string): Observation {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  createBuildInfo(registry, buildInfo(process.env));
  createCertificateMetrics(registry, () => controller().certificateEnds());
  const counted = createControllerMetrics(registry, { objects: () => controller().pipeline.objectCounts, units: () => controller().pipeline.graph.runsByRule() });
  const proxies = new HttpProxyGauges(registry);
  const leader = createLeaderGauge(registry, lease);
  return {
    registry,
    status: createStatusMetrics(registry),
    xds: createXdsMetrics(registry),
    cluster: createClusterMetrics(registry),
    configuration: createConfigurationMetric(registry),
    events: createEventCounter(registry),
    changed(change, { translateMs, feedMs }) {
      counted.received(change.received);
      counted.rebuilt({ translateSeconds: translateMs / 1000, feedSeconds: feedMs / 1000 });
      for (const { kind, namespace, name, status } of change.statuses) if (kind === "HTTPProxy") proxies.set(`${namespace}/${name}`, proxyOf(controller(), namespace, name, status));
      for (const key of change.withdrawn) if (key.startsWith("HTTPProxy/")) proxies.set(key.slice("HTTPProxy/".length), undefined);
    },
    setLeading(leading) {
      proxies.setLeading(leading);
      leader(leading);
    },
  };
}

function proxyOf({ pipeline }: Controller, namespace: string, name: string, status: Readonly<Record<string, unknown>>): CountedProxy {
  const [proxy] = pipeline.graph.items(ourProxies, `${namespace}/${name}`);
  const vhost = proxy?.spec.virtualhost?.fqdn;
  return { namespace, ...(vhost === undefined ? {} : { vhost }), state: status["currentStatus"] as CountedProxy["state"] };
}
