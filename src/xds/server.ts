import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { ConnectedEnvoy } from "./connected-envoy.ts";
import type { NodeIdentity } from "./connected-envoy.ts";
import type { XdsContext } from "./context.ts";
import { describeEnvoy, takenVersions } from "./describe.ts";
import type { DescribedEnvoy, TakenVersions } from "./describe.ts";
import { definitionOf, methods } from "./methods.ts";
import type { Method } from "./methods.ts";
import { OwnStreams } from "./own-streams.ts";
import type { OverOwnStreams } from "./own-streams.ts";
import type { Request } from "./request.ts";
import type { ResourceStore } from "./store.ts";
import { Stream } from "./stream.ts";
import { MutualTls } from "./tls.ts";
import type { TlsFiles } from "./tls.ts";
import { isTypeUrl, typeLabels } from "./types.ts";
import type { TypeUrl } from "./types.ts";
import { Node } from "#gen/envoy/envoy/config/core/v3/base";

/** What the server needs. */
export interface XdsOptions extends Omit<XdsContext, "schedule" | "holdMs" | "limitBytes" | "ownStreams">, Partial<Pick<XdsContext, "schedule" | "holdMs" | "limitBytes">> {
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  /** Without it the server talks plain text and lets anyone in. */
  readonly tls?: TlsFiles;
  /** Which resources an Envoy gets; undefined sends it away. `certificate` is its own, where the server asks for one. */
  fleetOf(node: Node, certificate: ClientCertificate | undefined): ResourceStore | undefined;
  /** What an Envoy without ADS gets in the place of a resource that says where others come from; the same where absent. */
  readonly overOwnStreams?: OverOwnStreams;
  readonly signal: AbortSignal;
  /**
   * How old a connection gets, about, before its Envoy is asked to make a new one (milliseconds; never when absent). That is how Envoys
   * spread over replicas again after a restart: a load balancer chooses for each connection. What an Envoy has is not sent again.
   */
  readonly connectionAgeMs?: number;
  /** Numbers from 0 to 1, so that not all Envoys come back at once. */
  readonly random?: () => number;
}

/** A server that listens. */
export interface XdsServer {
  readonly port: number;
  /** The Envoys that are connected now, and how far each one is. */
  envoys(): readonly DescribedEnvoy[];
  /** The versions that the Envoys of a name have taken. */
  taken(node: string): readonly TakenVersions[];
  /** Whether all Envoys of a fleet that are connected have taken the newest version of a resource. */
  allHaveTaken(fleet: string, type: TypeUrl, name: string): boolean;
  /** Looks again where the Envoys are. */
  relocate(): void;
  /** Whether an Envoy of a fleet is connected. */
  serves(fleet: string): boolean;
  /** Ends all streams and stops listening. */
  close(): Promise<void>;
}

/** Serves the resources of Envoy fleets over gRPC: delta and state of the world, on one stream or one per type. */
export async function serveXds(options: XdsOptions): Promise<XdsServer> {
  const closing = new AbortController();
  const signal = AbortSignal.any([options.signal, closing.signal]);
  const credentials = options.tls ? await MutualTls.follow(options.tls, signal, options.log, (expiresAt) => options.metrics.certificateLoaded(expiresAt)) : ServerCredentials.createInsecure();
  const server = new Server({ ...serverOptions, ...ageOptions(options.connectionAgeMs) });
  const envoys = new Envoys(options);
  for (const method of methods) server.addService({ [method.path]: definitionOf(method) }, { [method.path]: (call: Call) => envoys.serve(call, method) });
  const port = await bind(server, options.address, credentials);
  const close = async (): Promise<void> => {
    closing.abort();
    server.forceShutdown();
  };
  options.signal.addEventListener("abort", () => void close(), { once: true });
  const relocate = (): void => {
    for (const envoy of envoys.all()) envoy.relocate();
  };
  return { port, close, relocate, envoys: () => envoys.all().map(describeEnvoy), taken: (node) => envoys.all().filter(({ nodeId }) => nodeId === node).map(takenVersions), serves: (fleet) => envoys.all().some(({ store }) => store.fleet === fleet), allHaveTaken: (fleet, type, name) => envoys.all().every((envoy) => envoy.store.fleet !== fleet || envoy.hasTaken(type, name)) };
}

const serverOptions = {
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 20_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.max_concurrent_streams": 2 ** 20,
  // An Envoy that reconnects names every resource it holds, with its version.
  "grpc.max_receive_message_length": 64 * 2 ** 20,
} as const;

// Who does not read cannot be told to go: after the grace, its connection is closed.
function ageOptions(ageMs: number | undefined): object {
  return ageMs === undefined ? {} : { "grpc.max_connection_age_ms": ageMs, "grpc.max_connection_age_grace_ms": ageMs / 2 };
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

type Call = ServerDuplexStream<Request, Buffer>;

class Envoys {
  readonly #options: XdsOptions;
  readonly #context: XdsContext;
  readonly #envoys = new Map<string, ConnectedEnvoy>();

  constructor(options: XdsOptions) {
    this.#options = options;
    this.#context = { schedule: scheduleTimeout, holdMs: 5000, limitBytes: 2 ** 20, ownStreams: new OwnStreams(options.overOwnStreams ?? (() => undefined)), ...options };
  }

  serve(call: Call, method: Method): void {
    let envoy: ConnectedEnvoy | undefined;
    const counted = this.#context.metrics.started(method.path);
    const wire = { write: (bytes: Buffer, done: () => void) => (counted.sent(), void call.write(bytes, done)) };
    const stream = new Stream(method.mode, wire, () => envoy?.schedule());
    const end = this.#opened(method, (code) => {
      keep();
      counted.ended(code);
      if (envoy !== undefined) this.#left(envoy, stream);
    });
    call.on("data", (request: Request) => {
      counted.received();
      if (call.writableEnded) return;
      envoy ??= this.#joined(request, stream, call, method);
      const type = this.#typeOf(request, method);
      if (envoy !== undefined && type !== undefined) envoy.receive(stream, type, request);
    });
    const keep = this.#endWhenOld(() => (end("OK"), call.end()));
    call.on("end", () => (end("OK"), call.end()));
    call.on("cancelled", () => end("Canceled"));
    call.on("error", (error: { readonly code?: number }) => (end(codeName(error.code)), this.#context.log.debug({ error }, "An xDS stream failed")));
  }

  /** Every Envoy that is connected. */
  all(): readonly ConnectedEnvoy[] {
    return [...this.#envoys.values()];
  }

  #opened(method: Method, ended: (code: string) => void): (code: string) => void {
    const label = method.type === undefined ? "ads" : typeLabels[method.type];
    let open = true;
    this.#context.metrics.streamOpened(label, method.mode);
    return (code) => {
      if (!open) return;
      open = false;
      this.#context.metrics.streamClosed(label, method.mode);
      ended(code);
    };
  }

  // gRPC tells an old connection to take no new streams, a tenth of its age sooner or later. Streams end after that: their next ones come over a new connection.
  #endWhenOld(end: () => void): () => void {
    const { connectionAgeMs, random = Math.random } = this.#options;
    if (connectionAgeMs === undefined) return () => {};
    return this.#context.schedule(connectionAgeMs * (1.1 + random() / 10), end);
  }

  #joined(request: Request, stream: Stream, call: Call, { type, mode }: Method): ConnectedEnvoy | undefined {
    const node = request.node ?? Node.fromPartial({});
    const store = this.#options.fleetOf(node, certificateOf(call));
    if (store === undefined) return refuseCall(call, node.id);
    const identity = { node, peer: call.getPeer(), ownStreams: type === undefined ? undefined : mode };
    const envoy = this.#envoys.get(keyOf(identity)) ?? new ConnectedEnvoy(identity, store, this.#context);
    this.#envoys.set(keyOf(identity), envoy);
    envoy.join(stream);
    this.#context.metrics.envoysConnected(this.#envoys.size);
    return envoy;
  }

  // By what was noted when it came: a connection that broke does not know its peer any more.
  #left(envoy: ConnectedEnvoy, stream: Stream): void {
    if (envoy.leave(stream)) this.#envoys.delete(keyOf(envoy));
    this.#context.metrics.envoysConnected(this.#envoys.size);
  }

  #typeOf(request: Request, method: Method): TypeUrl | undefined {
    const type = method.type ?? request.type;
    if (isTypeUrl(type)) return type;
    this.#context.log.warn({ type }, "An Envoy asked for a type that is not served");
    return undefined;
  }
}

// All streams of one Envoy come over one connection; several Envoys may have the same name.
function keyOf({ node, peer }: { readonly node: NodeIdentity; readonly peer: string }): string {
  return `${peer}|${node.id}`;
}

/** What of an Envoy's certificate says who it is. */
export interface ClientCertificate {
  /** As Node writes them: `DNS:envoy, URI:…`. */
  readonly subjectAltName: string;
}

function certificateOf(call: Call): ClientCertificate | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  return certificate === undefined ? undefined : { subjectAltName: certificate.subjectaltname ?? "" };
}

function refuseCall(call: Call, nodeId: string): undefined {
  call.emit("error", { code: status.NOT_FOUND, details: `no configuration for node ${JSON.stringify(nodeId)}` });
}

// NOT_FOUND as NotFound: the form in which metrics name it.
function codeName(code: number = status.UNKNOWN): string {
  return (status[code] ?? "UNKNOWN").toLowerCase().replaceAll(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

function scheduleTimeout(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}
