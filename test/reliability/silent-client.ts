import { connect } from "node:http2";
import { DeltaDiscoveryRequest } from "#gen/envoy/envoy/service/discovery/v3/discovery";
import type { TypeUrl } from "#xds/types";

/** Asks for everything of some types on a stream that it never reads: its window of 64 kB fills and stays full. */
export function connectSilently(port: number, node: string, types: readonly TypeUrl[]): { close(): void } {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const stream = session.request({ ":method": "POST", ":path": "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", "content-type": "application/grpc", te: "trailers" });
  stream.on("error", () => {});
  for (const typeUrl of types) stream.write(grpcFrame(DeltaDiscoveryRequest.encode(DeltaDiscoveryRequest.fromPartial({ node: { id: node }, typeUrl, resourceNamesSubscribe: ["*"] })).finish()));
  return { close: () => session.destroy() };
}

/** A gRPC message on the wire: not compressed, its length, itself. */
function grpcFrame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
