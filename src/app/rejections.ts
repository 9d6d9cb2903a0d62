import { proxyError } from "#conditions/http-proxy";
import { parseFieldPath } from "#k8s/object";
import type { Origin } from "#model/origin";
import type { Graph, Fact } from "#store/graph";
import type { Family } from "#store/family";
import { clusters, listeners, objectKey, proxyReports, tlsHosts, virtualHosts } from "#translate/facts";
import type { TypeUrl } from "#xds/types";
import { clusterType, listenerType, scopeType } from "#xds/types";

/** The objects and fields that a resource was made from. */
export function originsOf(graph: Graph, type: TypeUrl, name: string): readonly Origin[] {
  if (type === clusterType) return graph.items(clusters, name).map((cluster) => cluster.origin);
  if (type === scopeType) return graph.items(virtualHosts, name).flatMap((host) => [...host.origins, ...host.routes.map((route) => route.origin)]);
  if (type === listenerType) return graph.items(listeners, name).length === 0 ? [] : graph.items(tlsHosts, name).map((host) => host.origin);
  return [];
}

/** What a refused resource says about the HTTPProxies that it came from; no message takes that back. */
export function rejectionFacts(graph: Graph, type: TypeUrl, name: string, message: string | undefined, blamed: ReadonlySet<string>): readonly Fact[] {
  const publisher = `envoy ${type} ${name}`;
  const origins = new Map(originsOf(graph, type, name).flatMap((origin) => (origin.kind === "HTTPProxy" ? [[objectKey(origin.namespace, origin.name), origin] as const] : [])));
  const keys = new Set([...origins.keys(), ...blamed]);
  return [...keys].map((key) => {
    const origin = origins.get(key);
    const problem = message === undefined || origin === undefined ? [] : [{ reached: false, problems: [proxyError("EnvoyError", "RejectedByEnvoy", parseFieldPath(origin.field ?? "spec"), `Envoy refuses what this becomes, so the last good version is served: ${message}`)] }];
    return { family: proxyReports as Family<unknown>, bucket: key, publisher, items: problem };
  });
}
