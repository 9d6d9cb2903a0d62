import type { MethodDefinition } from "@grpc/grpc-js";
import { decodeDelta, decodeSotw } from "./request.ts";
import type { Request } from "./request.ts";
import { clusterType, endpointsType, listenerType, routeType, runtimeType, scopeType, secretType } from "./types.ts";
import type { Mode, TypeUrl } from "./types.ts";

/** A gRPC method of the server; without a type it carries all types (ADS). */
export interface Method {
  readonly path: string;
  readonly mode: Mode;
  readonly type: TypeUrl | undefined;
}

/** Every method, by Envoy's service definitions. */
export const methods: readonly Method[] = [
  ...pair("discovery.v3.AggregatedDiscoveryService", "AggregatedResources", undefined),
  ...pair("cluster.v3.ClusterDiscoveryService", "Clusters", clusterType),
  ...pair("endpoint.v3.EndpointDiscoveryService", "Endpoints", endpointsType),
  ...pair("listener.v3.ListenerDiscoveryService", "Listeners", listenerType),
  ...pair("route.v3.RouteDiscoveryService", "Routes", routeType),
  ...pair("route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes", scopeType),
  ...pair("secret.v3.SecretDiscoveryService", "Secrets", secretType),
  ...pair("runtime.v3.RuntimeDiscoveryService", "Runtime", runtimeType),
];

function pair(service: string, what: string, type: TypeUrl | undefined): readonly Method[] {
  const path = `/envoy.service.${service}`;
  return [
    { path: `${path}/Stream${what}`, mode: "sotw", type },
    { path: `${path}/Delta${what}`, mode: "delta", type },
  ];
}

/** Describes a method to gRPC. Responses are bytes already: they are passed through as they are. */
export function definitionOf(method: Method): MethodDefinition<Request, Buffer> {
  return {
    path: method.path,
    requestStream: true,
    responseStream: true,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: method.mode === "delta" ? decodeDelta : decodeSotw,
    responseSerialize: (bytes) => bytes,
    responseDeserialize: (bytes) => bytes,
  };
}
