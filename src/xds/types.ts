import type { PlacedContents } from "./place.ts";

/** The type URL of clusters. */
export const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
/** The type URL of the endpoints of a cluster. */
export const endpointsType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
/** The type URL of secrets: certificates, keys and trusted authorities. */
export const secretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
/** The type URL of listeners. */
export const listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener";
/** The type URL of route configurations. */
export const routeType = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
/** The type URL of scopes: a route configuration and the key that selects it. */
export const scopeType = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration";
/** The type URL of runtime layers. */
export const runtimeType = "type.googleapis.com/envoy.service.runtime.v3.Runtime";

/** Every type of resource, in the order in which a change of several types is sent: made before used. */
export const typeUrls = [clusterType, endpointsType, secretType, listenerType, routeType, scopeType, runtimeType] as const;

/** A type of resource that Envoy can ask for. */
export type TypeUrl = (typeof typeUrls)[number];

/** The types whose resources name clusters: what has to wait for clusters, and what clusters wait for when they go. */
export const clusterUsers: readonly TypeUrl[] = [listenerType, routeType, scopeType];

/** The short names of the types, as in the names of the services (CDS, EDS, …); used as metric labels. */
export const typeLabels: Readonly<Record<TypeUrl, string>> = {
  [clusterType]: "cds",
  [endpointsType]: "eds",
  [secretType]: "sds",
  [listenerType]: "lds",
  [routeType]: "rds",
  [scopeType]: "srds",
  [runtimeType]: "rtds",
};

/** Whether a text is one of the types served here. */
export function isTypeUrl(text: string): text is TypeUrl {
  return Object.hasOwn(typeLabels, text);
}

/** One atomic change of what is served: what is there from now on, and what is gone. */
export interface ResourceChange {
  readonly upserts: readonly ResourceUpsert[];
  readonly removals: readonly ResourceKey[];
  /** When the oldest cause of this change arrived (ms of the server's clock): the start of the propagation time. */
  readonly at?: number;
}

/** A resource by its type and name. */
export interface ResourceKey {
  readonly type: TypeUrl;
  readonly name: string;
}

/** A resource and its encoded message (what the Any holds). */
export interface ResourceUpsert extends ResourceKey {
  readonly bytes: Uint8Array;
  /** Where it has other contents. */
  readonly placed?: PlacedContents;
}

/** How a stream talks: changes only, or the whole state each time. */
export type Mode = "delta" | "sotw";
