import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { GrpcWeb } from "#gen/envoy/envoy/extensions/filters/http/grpc_web/v3/grpc_web";

const name = "envoy.filters.http.grpc_web";

/** Lets browsers speak gRPC-Web to gRPC backends. */
export const grpcWeb: Filter = { name, inListener: () => httpFilter(name, GrpcWeb, {}) };
