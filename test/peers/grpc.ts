import * as grpc from "@grpc/grpc-js";
import { fromCanonicalJson, toCanonicalJson } from "#envoy/json";
import type { JsonValue } from "#envoy/json";
import { pemOf } from "./identities.ts";
import type { Peer } from "./listen.ts";

/** One unary call that a gRPC peer answers, with messages as canonical JSON. */
export interface UnaryCall {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: string;
  readonly response: string;
  readonly answer: (request: JsonValue, metadata: grpc.Metadata) => JsonValue;
}

/** Starts a gRPC server on loopback, over TLS if wanted. */
export async function startGrpc(calls: readonly UnaryCall[], secure = false): Promise<Peer> {
  const server = new grpc.Server();
  for (const { path, request, response, answer } of calls) {
    const method: grpc.MethodDefinition<JsonValue, JsonValue> = { path, requestStream: false, responseStream: false, requestSerialize: (json) => Buffer.from(fromCanonicalJson(request, json)), requestDeserialize: (bytes) => toCanonicalJson(request, bytes), responseSerialize: (json) => Buffer.from(fromCanonicalJson(response, json)), responseDeserialize: (bytes) => toCanonicalJson(response, bytes) };
    server.addService({ call: method }, { call: ((call, callback) => callback(null, answer(call.request, call.metadata))) as grpc.handleUnaryCall<JsonValue, JsonValue> });
  }
  const { certificate, key } = pemOf("backend");
  const credentials = secure ? grpc.ServerCredentials.createSsl(null, [{ private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) }]) : grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))));
  return {
    port,
    async close() {
      server.forceShutdown();
    },
  };
}

/** Starts a backend with one call: it gives back what it gets. */
export function startGrpcEcho(): Promise<Peer> {
  const text = "google.protobuf.StringValue";
  return startGrpc([{ path: "/echo.Echo/Say", request: text, response: text, answer: (request) => request }]);
}
