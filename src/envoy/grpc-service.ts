import type { DeepPartial, GrpcService } from "#gen/envoy/envoy/config/core/v3/grpc_service";
import type { Duration } from "#gen/envoy/google/protobuf/duration";

/** A gRPC service behind a cluster. The authority is a host name: the cluster's own name has slashes, which some servers refuse. */
export function grpcService(cluster: string, timeout?: Duration): DeepPartial<GrpcService> {
  const authority = cluster.split("/").toReversed().slice(0, 2).join(".");
  return { targetSpecifier: { $case: "envoyGrpc", value: { clusterName: cluster, authority } }, ...(timeout === undefined ? {} : { timeout }) };
}
