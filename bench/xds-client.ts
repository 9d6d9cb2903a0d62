import * as grpc from "@grpc/grpc-js";
import { DeltaDiscoveryRequest } from "#gen/envoy/envoy/service/discovery/v3/discovery";
import { textAt, textsAt, valuesAt } from "./wire.ts";

const typeUrls = {
  cds: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  eds: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  lds: "type.googleapis.com/envoy.config.listener.v3.Listener",
  srds: "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
  rds: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  sds: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
} as const;

/** The xDS services that the client listens to. */
export type XdsType = keyof typeof typeUrls;

/** One resource that came, or went (`body` undefined). */
export interface XdsChange {
  readonly type: XdsType;
  readonly name: string;
  readonly body: Uint8Array | undefined;
}

/** What has been received so far. */
export interface Traffic {
  readonly messages: number;
  readonly bytes: number;
}

/** A client that behaves as Envoy on one delta ADS stream, and counts what it costs. */
export interface XdsClient {
  traffic(): Traffic;
  /** The number of resources in the first answer for a type; undefined before it. */
  firstCount(type: XdsType): number | undefined;
  /** Calls back with all changes of each response, at once after it came; returns how to end that. */
  onChanges(listener: (changes: readonly XdsChange[]) => void): () => void;
  /** Subscribes to certificates by name, as Envoy does at a handshake when they are fetched on demand. */
  subscribeSecrets(names: readonly string[]): void;
  /** Why the stream has ended, if it has. */
  failure(): string | undefined;
  close(): void;
}

type Stream = grpc.ClientDuplexStream<Uint8Array, Buffer>;

const identity = (bytes: Buffer): Buffer => bytes;
const method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/** Connects to an xDS server, without TLS unless credentials are given; resolves when the connection stands. */
export async function connectXds(address: string, timeoutMs: number, credentials = grpc.credentials.createInsecure()): Promise<XdsClient> {
  const channelOptions = { "grpc.ssl_target_name_override": "contour", "grpc.max_receive_message_length": -1, "grpc.initial_reconnect_backoff_ms": 20, "grpc.max_reconnect_backoff_ms": 50, "grpc.min_reconnect_backoff_ms": 20 };
  const connection = new grpc.Client(address, credentials, channelOptions);
  await new Promise<void>((resolve, reject) => connection.waitForReady(Date.now() + timeoutMs, (error) => (error === undefined ? resolve() : reject(error))));
  const stream: Stream = connection.makeBidiStreamRequest(method, (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), identity);
  return new DeltaStream(connection, stream);
}

class DeltaStream implements XdsClient {
  #messages = 0;
  #bytes = 0;
  #failure: string | undefined;
  readonly #firstCounts = new Map<XdsType, number>();
  readonly #listeners = new Set<(changes: readonly XdsChange[]) => void>();
  readonly #subscribed = new Map<XdsType, Set<string>>();
  readonly #connection: grpc.Client;
  readonly #stream: Stream;

  constructor(connection: grpc.Client, stream: Stream) {
    this.#connection = connection;
    this.#stream = stream;
    stream.on("data", (bytes: Buffer) => this.#receive(bytes));
    stream.on("error", (error: grpc.ServiceError) => (this.#failure = error.message));
    for (const type of ["cds", "lds", "srds"] as const) this.#send(type, {});
  }

  traffic(): Traffic {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  firstCount(type: XdsType): number | undefined {
    return this.#firstCounts.get(type);
  }

  onChanges(listener: (changes: readonly XdsChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  subscribeSecrets(names: readonly string[]): void {
    this.#subscribe("sds", names);
  }

  failure(): string | undefined {
    return this.#failure;
  }

  close(): void {
    this.#stream.cancel();
    this.#connection.close();
  }

  #receive(message: Buffer): void {
    this.#messages += 1;
    this.#bytes += message.length;
    const type = typeOf(textAt(message, [4]));
    const resources = valuesAt(message, [2]).map((resource) => ({ type, name: textAt(resource, [3]), body: valuesAt(resource, [2, 2])[0] }));
    const removed = textsAt(message, [6]).map((name) => ({ type, name, body: undefined }));
    if (!this.#firstCounts.has(type)) this.#firstCounts.set(type, resources.length);
    this.#send(type, { nonce: textAt(message, [5]) });
    this.#follow(type, resources);
    for (const listener of this.#listeners) listener([...resources, ...removed]);
  }

  // Clusters name their endpoints and certificates, listeners their certificates and route configurations.
  #follow(type: XdsType, changes: readonly XdsChange[]): void {
    const bodies = changes.flatMap(({ body }) => body ?? []);
    if (type === "cds") this.#subscribe("eds", bodies.flatMap(endpointNames));
    if (type === "cds") this.#subscribe("sds", bodies.flatMap(clientCertificates));
    if (type === "lds") this.#subscribe("sds", bodies.flatMap(secretNames));
    if (type === "lds") this.#subscribe("rds", bodies.flatMap(routeNames));
  }

  #subscribe(type: XdsType, names: readonly string[]): void {
    const known = this.#subscribed.get(type) ?? new Set();
    this.#subscribed.set(type, known);
    const fresh = [...new Set(names)].filter((name) => !known.has(name));
    for (const name of fresh) known.add(name);
    if (fresh.length > 0) this.#send(type, { subscribe: fresh });
  }

  #send(type: XdsType, wish: { readonly nonce?: string; readonly subscribe?: readonly string[] }): void {
    const request = DeltaDiscoveryRequest.fromPartial({
      node: { id: "bench", cluster: "bench" },
      typeUrl: typeUrls[type],
      responseNonce: wish.nonce ?? "",
      resourceNamesSubscribe: [...(wish.subscribe ?? [])],
    });
    this.#stream.write(DeltaDiscoveryRequest.encode(request).finish());
  }
}

const typeByUrl = new Map(Object.entries(typeUrls).map(([type, url]) => [url as string, type as XdsType]));

function typeOf(url: string): XdsType {
  const type = typeByUrl.get(url);
  if (type === undefined) throw new Error(`unknown xDS type ${url}`);
  return type;
}

// Cluster: eds_cluster_config (3) service_name (2), else name (1).
function endpointNames(cluster: Uint8Array): readonly string[] {
  const [config] = valuesAt(cluster, [3]);
  if (config === undefined) return [];
  return [textAt(config, [2]) || textAt(cluster, [1])];
}

// Listener: filter_chains (3) transport_socket (6) typed_config (3) value (2) common_tls_context (1) tls_certificate_sds_secret_configs (6) name (1).
function secretNames(listener: Uint8Array): readonly string[] {
  return textsAt(listener, [3, 6, 3, 2, 1, 6, 1]).filter((name) => name !== "");
}

// Cluster: transport_socket (24) typed_config (3) value (2), and on as in a listener.
function clientCertificates(cluster: Uint8Array): readonly string[] {
  return textsAt(cluster, [24, 3, 2, 1, 6, 1]).filter((name) => name !== "");
}

// Listener: filter_chains (3) filters (3) typed_config (4) value (2) rds (3) route_config_name (2), where that filter is the HTTP connection manager.
function routeNames(listener: Uint8Array): readonly string[] {
  const configs = valuesAt(listener, [3, 3, 4]).filter((config) => textAt(config, [1]).endsWith(".HttpConnectionManager"));
  return configs.flatMap((config) => textsAt(config, [2, 3, 2])).filter((name) => name !== "");
}
