import { readFileSync } from "node:fs";
import { Client, credentials } from "@grpc/grpc-js";
import type { ChannelCredentials, ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { toCanonicalJson } from "#envoy/json";
import type { JsonValue } from "#envoy/json";
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse } from "#gen/envoy/envoy/service/discovery/v3/discovery";
import { methods } from "#xds/methods";
import { typeLabels } from "#xds/types";
import type { TypeUrl } from "#xds/types";

/** What `contour cli` is asked for. */
export interface ListenRequest {
  /** Host and port of an xDS server. */
  readonly address: string;
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  readonly type: TypeUrl;
  /** The resources to ask for; none asks for all. */
  readonly names: readonly string[];
  readonly mode: "delta" | "sotw";
  /** Whether each response is refused. */
  readonly refuse: boolean;
  readonly nodeId: string;
  readonly onResponse: (response: JsonValue) => void;
  readonly signal: AbortSignal;
}

/** The type of resource by the name of its service: `cds`, `lds` and so on. */
export const typeOfService: Readonly<Record<string, TypeUrl>> = Object.fromEntries(Object.entries(typeLabels).map(([type, label]) => [label, type as TypeUrl]));

/** The name in the controller's certificate, whatever the address is. */
const serverName = "contour";

type Stream = ClientDuplexStream<Uint8Array, Buffer>;

/** Asks an xDS server as Envoy does, on the stream of one type, and tells each response until the signal aborts. Throws when the server ends the stream. */
export async function listen(request: ListenRequest): Promise<void> {
  const { address, type, mode, signal } = request;
  const client = new Client(address, channelCredentials(request), { "grpc.max_receive_message_length": -1, "grpc.ssl_target_name_override": serverName });
  const path = methods.find((method) => method.type === type && method.mode === mode)?.path ?? "";
  const stream: Stream = client.makeBidiStreamRequest(path, (bytes: Uint8Array) => Buffer.from(bytes), (bytes) => bytes);
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => stream.cancel(), { once: true });
      stream.on("error", (error: ServiceError) => (signal.aborted ? resolve() : reject(new Error(`${address}: ${error.details || error.message}`))));
      stream.on("end", resolve);
      stream.on("data", (bytes: Buffer) => stream.write(answer(bytes, request)));
      stream.write(mode === "delta" ? deltaRequest(request, {}) : sotwRequest(request, {}));
    });
  } finally {
    client.close();
  }
}

function channelCredentials({ tls }: ListenRequest): ChannelCredentials {
  return tls === undefined ? credentials.createInsecure() : credentials.createSsl(readFileSync(tls.caFile), readFileSync(tls.keyFile), readFileSync(tls.certFile));
}

/** Tells a response, and gives the message that accepts or refuses it. */
function answer(bytes: Buffer, request: ListenRequest): Uint8Array {
  if (request.mode === "delta") {
    request.onResponse(withoutKeys(toCanonicalJson(DeltaDiscoveryResponse.$type, bytes)));
    return deltaRequest(request, { responseNonce: DeltaDiscoveryResponse.decode(bytes).nonce });
  }
  request.onResponse(withoutKeys(toCanonicalJson(DiscoveryResponse.$type, bytes)));
  const { nonce, versionInfo } = DiscoveryResponse.decode(bytes);
  // Who refuses stays at the version before.
  return sotwRequest(request, { responseNonce: nonce, versionInfo: request.refuse ? "" : versionInfo });
}

/** What is printed is copied into tickets; keys are not for that. */
function withoutKeys(response: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(response, (key, value: unknown) => (key === "privateKey" ? { inlineString: "[redacted]" } : value))) as JsonValue;
}

function refusal({ refuse }: ListenRequest, responseNonce: string | undefined) {
  return refuse && responseNonce !== undefined ? { errorDetail: { code: 13, message: "refused by contour cli --nack", details: [] } } : {};
}

function deltaRequest(request: ListenRequest, { responseNonce }: { readonly responseNonce?: string }): Uint8Array {
  const { nodeId, type, names } = request;
  const first = responseNonce === undefined;
  return DeltaDiscoveryRequest.encode(DeltaDiscoveryRequest.fromPartial({ node: { id: nodeId }, typeUrl: type, responseNonce: responseNonce ?? "", resourceNamesSubscribe: first ? [...names] : [], ...refusal(request, responseNonce) })).finish();
}

function sotwRequest(request: ListenRequest, { responseNonce, versionInfo = "" }: { readonly responseNonce?: string; readonly versionInfo?: string }): Uint8Array {
  const { nodeId, type, names } = request;
  return DiscoveryRequest.encode(DiscoveryRequest.fromPartial({ node: { id: nodeId }, typeUrl: type, responseNonce: responseNonce ?? "", versionInfo, resourceNames: [...names], ...refusal(request, responseNonce) })).finish();
}
