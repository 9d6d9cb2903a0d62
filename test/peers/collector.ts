import * as grpc from "@grpc/grpc-js";
import type { Asked } from "./authorization.ts";
import type { Peer } from "./listen.ts";
import { addOtlp } from "./otlp.ts";

/** Starts an OpenTelemetry collector that counts what it gets: spans that say `golden`, bodies and attributes of log records. */
export async function startCollector(asked: Asked): Promise<Peer> {
  const server = new grpc.Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const method: grpc.MethodDefinition<Buffer, Buffer> = { path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export", requestStream: false, responseStream: false, requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
  const answer: grpc.handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    for (const word of ["golden-service", "golden-tag", "from-header"]) if (call.request.includes(word)) asked.times.set(word, (asked.times.get(word) ?? 0) + 1);
    callback(null, Buffer.alloc(0));
  };
  server.addService({ call: method }, { call: answer });
  addOtlp(server, {
    onLog: ({ body, attributes, resource }) => {
      for (const [name, value] of [["body", body], ...Object.entries(attributes), ...Object.entries(resource)]) {
        const what = `log ${name}: ${value}`;
        asked.times.set(what, (asked.times.get(what) ?? 0) + 1);
      }
    },
  });
  const port = await new Promise<number>((resolve, reject) => server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))));
  return {
    port,
    async close() {
      server.forceShutdown();
    },
  };
}
