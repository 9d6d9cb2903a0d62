import { Client, credentials } from "@grpc/grpc-js";
import type { ChannelCredentials, ClientDuplexStream } from "@grpc/grpc-js";
import { pino } from "pino";
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse } from "#gen/envoy/envoy/service/discovery/v3/discovery";
import { Cluster, Cluster_DiscoveryType } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { ScopedRouteConfiguration } from "#gen/envoy/envoy/config/route/v3/scoped_route";
import { methods } from "#xds/methods";
import type { Nack } from "#xds/context";
import { serveXds } from "#xds/server";
import type { XdsOptions, XdsServer } from "#xds/server";
import { createResourceStore } from "#xds/store";
import type { ResourceStore } from "#xds/store";
import { clusterType, listenerType, scopeType } from "#xds/types";
import type { Mode, ResourceUpsert, TypeUrl } from "#xds/types";

export const silent = pino({ level: "silent" });
export const noMetrics = { streamOpened() {}, streamClosed() {}, envoysConnected() {}, acked() {}, nacked() {}, pushed() {}, propagated() {}, certificateLoaded() {}, started: () => ({ received() {}, sent() {}, ended() {} }) };

export interface Rig {
  readonly store: ResourceStore;
  readonly server: XdsServer;
  readonly nacks: Nack[];
  readonly recovered: string[];
  readonly timers: { readonly ms: number; readonly run: () => void }[];
}

/** Starts a server whose timers never fire by themselves. */
export async function startRig(options: Partial<XdsOptions> = {}): Promise<Rig> {
  const store = createResourceStore();
  const nacks: Nack[] = [];
  const recovered: string[] = [];
  const timers: { ms: number; run: () => void }[] = [];
  const server = await serveXds({
    address: "127.0.0.1:0",
    fleetOf: () => store,
    signal: new AbortController().signal,
    log: silent,
    metrics: noMetrics,
    clock: () => performance.now(),
    schedule: (ms, run) => {
      const timer = { ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
    onNack: (nack) => nacks.push(nack),
    onRecovered: (_, name) => recovered.push(name),
    ...options,
  });
  return { store, server, nacks, recovered, timers };
}

export interface Variant {
  readonly mode: Mode;
  readonly aggregated: boolean;
}

export const variants: readonly Variant[] = [
  { mode: "delta", aggregated: true },
  { mode: "delta", aggregated: false },
  { mode: "sotw", aggregated: true },
  { mode: "sotw", aggregated: false },
];

export interface Seen {
  readonly type: TypeUrl;
  readonly nonce: string;
  readonly upserts: readonly { readonly name: string; readonly version: string; readonly text: string }[];
  readonly removed: readonly string[];
  readonly bytes: number;
}

type Call = ClientDuplexStream<Buffer, Buffer>;

/** Plays an Envoy: subscribes, holds what it accepted, acknowledges by itself unless told otherwise. */
export class PlayedEnvoy {
  readonly seen: Seen[] = [];
  readonly held = new Map<TypeUrl, Map<string, string>>();
  readonly versions = new Map<TypeUrl, Map<string, string>>();
  /** What it refuses, by text of the resource. */
  refuses: (text: string) => boolean = () => false;
  /** Types whose responses it does not answer by itself. */
  readonly silentOn = new Set<TypeUrl>();
  /** Runs when a stream has ended, whatever the reason. */
  onEnd: () => void = () => {};
  /** Runs before the answer to a response. */
  onResponse: (seen: Seen) => void = () => {};
  readonly #variant: Variant;
  readonly #id: string;
  readonly #client: Client;
  readonly #calls = new Map<string, Call>();
  readonly #names = new Map<TypeUrl, Set<string>>();
  readonly #sotwVersions = new Map<TypeUrl, string>();
  readonly #waiters = new Set<() => void>();
  error: Error | undefined;

  constructor(address: string, variant: Variant, tls: ChannelCredentials = credentials.createInsecure(), id = "played") {
    this.#id = id;
    this.#variant = variant;
    this.#client = new Client(address, tls, { "grpc.max_receive_message_length": -1, "grpc.use_local_subchannel_pool": 1, "grpc.ssl_target_name_override": "contour" });
  }

  subscribe(type: TypeUrl, names: readonly string[] = [], versions: Readonly<Record<string, string>> = {}): void {
    const known = this.#names.get(type) ?? new Set();
    for (const name of names) known.add(name);
    this.#names.set(type, known);
    if (this.#variant.mode === "delta") this.#send(type, { subscribe: names, versions });
    else this.#send(type, {});
  }

  unsubscribe(type: TypeUrl, names: readonly string[]): void {
    for (const name of names) this.#names.get(type)?.delete(name);
    this.#send(type, { unsubscribe: names });
  }

  /** Answers a response that was not answered. */
  answer(seen: Seen, error?: string): void {
    if (error === undefined) this.#take(seen);
    this.#send(seen.type, { nonce: seen.nonce, error });
  }

  /** Stops taking responses from the network. */
  pause(type: TypeUrl): void {
    this.#callOf(type).pause();
  }

  resume(type: TypeUrl): void {
    this.#callOf(type).resume();
  }

  /** Waits until something is so. */
  async until(what: string, check: () => boolean): Promise<void> {
    const limit = AbortSignal.timeout(8000);
    while (!check()) {
      if (limit.aborted) throw new Error(`timed out: ${what}; error ${this.error?.message}; seen ${JSON.stringify(this.summary())}`);
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
        setTimeout(resolve, 20);
      });
    }
  }

  /** Makes sure that nothing more is on its way: an unknown named secret is answered after all that was sent before. */
  async quiet(): Promise<void> {
    for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setTimeout(resolve, 15));
  }

  text(type: TypeUrl, name: string): string | undefined {
    return this.held.get(type)?.get(name);
  }

  summary(): string[] {
    return this.seen.map(({ type, upserts, removed }) => [labelOf(type), ...upserts.map(({ name, text }) => `+${name}=${text.slice(0, 30)}`), ...removed.map((name) => `-${name}`)].join(" "));
  }

  close(): void {
    for (const call of this.#calls.values()) call.cancel();
    this.#client.close();
  }

  #callOf(type: TypeUrl): Call {
    const key = this.#variant.aggregated ? "ads" : type;
    const call = this.#calls.get(key) ?? this.#open(type);
    this.#calls.set(key, call);
    return call;
  }

  #open(type: TypeUrl): Call {
    const wanted = this.#variant.aggregated ? undefined : type;
    const method = methods.find((one) => one.type === wanted && one.mode === this.#variant.mode);
    const same = (bytes: Buffer): Buffer => bytes;
    const call = this.#client.makeBidiStreamRequest(method?.path ?? "", same, same);
    call.on("data", (bytes: Buffer) => this.#receive(bytes));
    call.on("error", (error) => (this.error = error));
    call.on("status", () => this.onEnd());
    return call;
  }

  #receive(bytes: Buffer): void {
    const seen = this.#variant.mode === "delta" ? deltaSeen(bytes) : this.#sotwSeen(bytes);
    this.seen.push(seen);
    this.onResponse(seen);
    if (!this.silentOn.has(seen.type)) {
      const bad = seen.upserts.find(({ text }) => this.refuses(text));
      this.answer(seen, bad && `bad resource ${bad.name}`);
    }
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }

  #sotwSeen(bytes: Buffer): Seen {
    const response = DiscoveryResponse.decode(bytes);
    const type = response.typeUrl as TypeUrl;
    const upserts = response.resources.map((any) => ({ ...contentOf(type, any.value), version: "" }));
    const names = new Set(upserts.map(({ name }) => name));
    const whole = ([clusterType, listenerType, scopeType] as TypeUrl[]).includes(type);
    const removed = whole ? Array.from(this.held.get(type)?.keys() ?? []).filter((name) => !names.has(name)) : [];
    this.#sotwVersions.set(type, response.versionInfo);
    return { type, nonce: response.nonce, upserts, removed, bytes: bytes.length };
  }

  #take({ type, upserts, removed }: Seen): void {
    const held = this.held.get(type) ?? new Map<string, string>();
    const versions = this.versions.get(type) ?? new Map<string, string>();
    for (const { name, version, text } of upserts) {
      held.set(name, text);
      versions.set(name, version);
    }
    for (const name of removed) {
      held.delete(name);
      versions.delete(name);
    }
    this.held.set(type, held);
    this.versions.set(type, versions);
  }

  #send(type: TypeUrl, what: { subscribe?: readonly string[]; unsubscribe?: readonly string[]; versions?: Readonly<Record<string, string>>; nonce?: string; error?: string | undefined }): void {
    const errorDetail = what.error === undefined ? undefined : { code: 13, message: what.error, details: [] };
    const node = { id: this.#id };
    const request =
      this.#variant.mode === "delta"
        ? DeltaDiscoveryRequest.encode(DeltaDiscoveryRequest.fromPartial({ node, typeUrl: type, resourceNamesSubscribe: [...(what.subscribe ?? [])], resourceNamesUnsubscribe: [...(what.unsubscribe ?? [])], initialResourceVersions: what.versions ?? {}, responseNonce: what.nonce ?? "", ...(errorDetail && { errorDetail }) }))
        : DiscoveryRequest.encode(DiscoveryRequest.fromPartial({ node, typeUrl: type, resourceNames: [...(this.#names.get(type) ?? [])], responseNonce: what.nonce ?? this.#lastNonce(type), versionInfo: this.#sotwVersions.get(type) ?? "", ...(errorDetail && { errorDetail }) }));
    this.#callOf(type).write(Buffer.from(request.finish()));
  }

  #lastNonce(type: TypeUrl): string {
    return this.seen.findLast((seen) => seen.type === type)?.nonce ?? "";
  }
}

function deltaSeen(bytes: Buffer): Seen {
  const response = DeltaDiscoveryResponse.decode(bytes);
  const type = response.typeUrl as TypeUrl;
  const upserts = response.resources.map(({ name, version, resource }) => ({ name, version, text: contentOf(type, resource?.value ?? Buffer.alloc(0)).text }));
  return { type, nonce: response.nonce, upserts, removed: response.removedResources, bytes: bytes.length };
}

/** Test resources are `name=text`, but clusters and scopes are real ones: the server reads in them. */
function contentOf(type: TypeUrl, bytes: Uint8Array): { name: string; text: string } {
  if (type === clusterType) {
    const cluster = Cluster.decode(bytes);
    return { name: cluster.name, text: cluster.altStatName };
  }
  if (type === scopeType) {
    const scope = ScopedRouteConfiguration.decode(bytes);
    return { name: scope.name, text: scope.routeConfigurationName };
  }
  const [name = "", text = ""] = Buffer.from(bytes).toString().split("=");
  return { name, text };
}

export function resource(type: TypeUrl, name: string, text: string): ResourceUpsert {
  if (type !== scopeType) return { type, name, bytes: Buffer.from(`${name}=${text}`) };
  const scope = ScopedRouteConfiguration.fromPartial({ name, routeConfigurationName: text, routeConfiguration: {} });
  return { type, name, bytes: ScopedRouteConfiguration.encode(scope).finish() };
}

export function cluster(name: string, text: string, endpoints = name): ResourceUpsert {
  const message = Cluster.fromPartial({ name, altStatName: text, clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.EDS }, edsClusterConfig: { serviceName: endpoints } });
  return { type: clusterType, name, bytes: Cluster.encode(message).finish() };
}

export function labelOf(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}
