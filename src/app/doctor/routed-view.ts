import { objectFaults } from "#app/doctor/object-faults";
import type { Pipeline } from "#app/pipeline";
import type { ClusterView, EndpointView, HostClaimView, RoutedView, RouteView, SourceView } from "#doctor/view";
import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import type { Cluster } from "#model/cluster";
import { inFleet, splitFleet } from "#model/fleet";
import type { Listener, TcpProxy, TlsHost } from "#model/listener";
import type { Origin } from "#model/origin";
import { unresolvedCluster } from "#model/route";
import type { Route, VirtualHost } from "#model/route";
import type { Graph } from "#store/graph";
import { clusterIpMark, clusters, endpoints, hostClaims, listeners, objectKey, objects, slicesOfService, tlsHosts, virtualHosts, wildcardHosts } from "#translate/facts";

/** Looks at what a pipeline holds as the doctor does: without keys, and without what Envoy alone has to know. */
export function routedView(pipeline: Pipeline): RoutedView {
  const { graph } = pipeline;
  const routes = [...requestRoutes(graph), ...connectionRoutes(graph)];
  const carried = carriedBy(routes);
  return {
    routes,
    claims: [...[...graph.buckets(hostClaims)].flatMap(([host, items]) => items.map((claim) => ({ host, ...claim }))), ...gatewayClaims(graph)],
    clusters: [...graph.buckets(clusters)].flatMap(([bucket, [cluster, ...same]]) => (cluster === undefined ? [] : [clusterView(graph, bucket, [cluster, ...same], carried.get(bucket))])),
    faults: objectFaults(pipeline),
  };
}

/** Routes of Gateway API name hosts, and parents that may be what is wrong. */
function gatewayClaims(graph: Graph): readonly HostClaimView[] {
  return (["HTTPRoute", "GRPCRoute", "TLSRoute"] as const).flatMap((kind) => [...graph.buckets(objects(kind))].flatMap(([, items]) => items.flatMap(({ metadata: { namespace = "", name }, spec }) => {
    const parents = (spec.parentRefs ?? []).map((parent) => ({ kind: parent.kind ?? "Gateway", namespace: parent.namespace ?? namespace, name: parent.name }));
    return (spec.hostnames ?? []).flatMap((host) => [{ host, kind, namespace, name }, ...parents.map((parent) => ({ host, ...parent }))]);
  })));
}

function requestRoutes(graph: Graph): readonly RouteView[] {
  const exact = [...graph.buckets(virtualHosts)].flatMap(([bucket, items]) => items.map((host) => ({ listener: bucket.slice(0, bucket.lastIndexOf("|")), host })));
  const wild = [...graph.buckets(wildcardHosts)].flatMap(([listener, items]) => items.map((host) => ({ listener, host })));
  return [...exact, ...wild].flatMap(({ listener, host }) => {
    const [found] = graph.items(listeners, listener);
    return found === undefined ? [] : host.routes.map((route) => requestRoute(splitFleet(listener).fleet, found, host, route));
  });
}

function requestRoute(fleet: string, { protocol }: Listener, { host, origins }: VirtualHost, { match, action, origin }: Route): RouteView {
  const targets = action.kind === "forward" ? [...action.targets, ...action.mirrors].map(({ cluster }) => cluster).filter((name) => name !== unresolvedCluster) : [];
  const rewrite = action.kind === "forward" ? action.hostRewrite : undefined;
  return {
    fleet, scheme: protocol === "https" ? "https" : "http", host, path: match.path,
    conditional: match.method !== undefined || match.grpc !== undefined || match.headers.length + match.queryParameters.length > 0,
    origins: uniqueOrigins([origin, ...origins]), clusters: targets,
    ...(rewrite?.kind === "literal" ? { sentHost: rewrite.host } : {}),
  };
}

/** TLS hosts whose connections are forwarded as they are. Listeners without TLS or HTTP have the host `*`. */
function connectionRoutes(graph: Graph): readonly RouteView[] {
  return [...graph.buckets(tlsHosts)].flatMap(([bucket, items]) => items.flatMap((item) => {
    const proxy = proxyOf(item);
    if (proxy === undefined) return [];
    const listener = bucket.slice(0, bucket.lastIndexOf("|"));
    const scheme = graph.items(listeners, listener)[0]?.protocol ?? "tcp";
    return [{ fleet: splitFleet(listener).fleet, scheme, host: "host" in item && item.host !== "" ? item.host : "*", conditional: false, origins: uniqueOrigins([proxy.origin, item.origin]), clusters: proxy.targets.map(({ cluster }) => cluster).filter((name) => name !== unresolvedCluster) }];
  }));
}

function proxyOf(host: TlsHost): TcpProxy | undefined {
  return host.kind === "passthrough" || host.kind === "tcp-terminated" ? host.proxy : undefined;
}

function uniqueOrigins(origins: readonly Origin[]): readonly Origin[] {
  return [...new Map(origins.map((origin) => [JSON.stringify(origin), origin])).values()];
}

/** What goes over the connections of each cluster that routes lead to; of requests and bytes, requests tell more. */
function carriedBy(routes: readonly RouteView[]): ReadonlyMap<string, ClusterView["carries"]> {
  const found = new Map<string, ClusterView["carries"]>();
  for (const { fleet, path, scheme, clusters: names } of routes) {
    for (const name of names) if (found.get(inFleet(fleet, name)) !== "http") found.set(inFleet(fleet, name), path !== undefined ? "http" : scheme === "udp" ? "datagrams" : "bytes");
  }
  return found;
}

/** A cluster that no route leads to is one that Envoy itself calls. */
function clusterView(graph: Graph, bucket: string, [cluster, ...same]: readonly [Cluster, ...Cluster[]], carries: ClusterView["carries"] = "http"): ClusterView {
  const service = serviceOf(cluster);
  return {
    fleet: splitFleet(bucket).fleet, name: cluster.name, origins: [cluster.origin, ...same.map(({ origin }) => origin)], carries, protocol: cluster.protocol,
    connectMs: cluster.connectTimeoutMs, showsCertificate: cluster.clientCertificate !== undefined,
    source: sourceOf(graph, splitFleet(bucket).fleet, cluster, service),
    ...(service === undefined ? {} : { service }),
    ...(cluster.sni === undefined ? {} : { serverName: cluster.sni }),
    ...(cluster.validation === undefined ? {} : { validation: cluster.validation }),
    ...(cluster.minimumTlsVersion === undefined ? {} : { minimumTlsVersion: cluster.minimumTlsVersion }),
    ...(cluster.maximumTlsVersion === undefined ? {} : { maximumTlsVersion: cluster.maximumTlsVersion }),
  };
}

/** Names of namespaces and Services have no `_`. */
function serviceOf({ statName, weightedGroups }: Cluster): ClusterView["service"] {
  const [namespace = "", name = "", port = ""] = statName.split("_");
  return weightedGroups === true ? undefined : { namespace, name, port };
}

function sourceOf(graph: Graph, fleet: string, { source }: Cluster, service: ClusterView["service"]): SourceView {
  if (source.kind === "dns") return { kind: "name", host: source.host, port: source.port, family: source.family };
  const [found] = graph.items(endpoints, inFleet(fleet, source.endpoints));
  const all = [...(found?.endpoints ?? []), ...(found?.groups ?? []).filter(({ name }) => name !== "dropped").flatMap((group) => group.endpoints)];
  const known = placesOf(graph, [source.endpoints, ...(found?.groups ?? []).map(({ name }) => name)]);
  const views = all.map(({ address, port }): EndpointView => ({ address, port, ...known.get(address) }));
  return { kind: "endpoints", endpoints: views, ...(source.endpoints.endsWith(clusterIpMark) ? { byClusterIp: true } : {}), ...(views.length > 0 || service === undefined ? {} : { absent: whyEmpty(graph, source.endpoints, service) }) };
}

/** Nodes and pods of addresses, from the slices of the Services that endpoints are named after. */
function placesOf(graph: Graph, names: readonly string[]): ReadonlyMap<string, Pick<EndpointView, "node" | "pod">> {
  const slices = names.flatMap((name) => graph.items(slicesOfService, name.split("/").slice(0, 2).join("/").split("+")[0] ?? ""));
  return new Map(slices.flatMap(({ endpoints: list }) => (list ?? []).map(({ addresses, nodeName, targetRef }) => {
    const pod = targetRef?.kind === "Pod" && targetRef.name !== undefined && targetRef.namespace !== undefined ? { pod: { namespace: targetRef.namespace, name: targetRef.name } } : {};
    return [addresses?.[0] ?? "", { ...(nodeName === undefined || nodeName === null ? {} : { node: nodeName }), ...pod }] as const;
  })));
}

/** Says why a Service's port has no address to send to. */
function whyEmpty(graph: Graph, endpointsName: string, { namespace, name, port }: NonNullable<ClusterView["service"]>): string {
  const bucket = objectKey(namespace, name);
  const slices: readonly EndpointSlice[] = graph.items(slicesOfService, bucket);
  const all = slices.flatMap((slice) => slice.endpoints ?? []);
  const ready = all.filter(({ conditions }) => conditions?.ready !== false);
  const [service] = graph.items(objects("Service"), bucket);
  const selector = Object.entries(service?.spec?.selector ?? {}).map(([key, value]) => `${key}=${value}`).join(",");
  if (all.length === 0) return `no pod is behind it${selector === "" ? ": it has no selector, and nobody wrote an EndpointSlice for it" : ` (its selector: ${selector})`}`;
  if (ready.length === 0) return `of its ${all.length} pods none is ready`;
  const portName = endpointsName.split("/")[2]?.split("+")[0] ?? "";
  const target = service?.spec?.ports?.find((one) => (one.name ?? "") === portName)?.targetPort;
  return `its pods are ready, and none has what port ${port} leads to${target === undefined ? "" : ` (targetPort ${target})`}: a targetPort by name has to be a name of a container's port`;
}
