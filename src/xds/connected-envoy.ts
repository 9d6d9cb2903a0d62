import type { XdsContext } from "./context.ts";
import { nowhere } from "./place.ts";
import type { Place } from "./place.ts";
import { PlacedStore } from "./placed-store.ts";
import { clusterFloor, usersFloor } from "./order.ts";
import type { OrderView } from "./order.ts";
import { Pending } from "./pending.ts";
import { nextResponse } from "./push.ts";
import type { Request } from "./request.ts";
import { acknowledge, refuse } from "./settle.ts";
import type { ResourceStore, Touched } from "./store.ts";
import type { Stream } from "./stream.ts";
import { subscribe } from "./subscribe.ts";
import { Subscription } from "./subscription.ts";
import type { Node } from "#gen/envoy/envoy/config/core/v3/base";
import { clusterType, clusterUsers, endpointsType, listenerType, typeLabels, typeUrls } from "./types.ts";
import type { Mode, TypeUrl } from "./types.ts";

/** What an Envoy says about itself, as far as anybody asks again. */
export type NodeIdentity = Pick<Node, "id" | "cluster" | "locality">;

/** One Envoy with all its streams: order is kept over them, whether they are one (ADS) or one per type. */
export class ConnectedEnvoy implements OrderView {
  readonly node: NodeIdentity;
  readonly peer: string;
  /** Since when it is connected, in milliseconds since 1970. */
  readonly since: number;
  readonly #seen: PlacedStore;
  readonly awaited = new Pending();
  readonly #context: XdsContext;
  readonly #streams = new Set<Stream>();
  readonly #unwatch: () => void;
  #scheduled = false;
  #cancelHold: (() => void) | undefined;

  constructor({ node, peer, ownStreams }: { readonly node: NodeIdentity; readonly peer: string; readonly ownStreams: Mode | undefined }, store: ResourceStore, context: XdsContext) {
    this.node = { id: node.id, cluster: node.cluster, locality: node.locality };
    this.peer = peer;
    this.since = context.clock();
    this.#seen = ownStreams === undefined ? new PlacedStore(store) : new PlacedStore(store, (resource) => context.ownStreams.of(resource, ownStreams));
    this.#seen.place = context.placeOf?.(this.node) ?? nowhere;
    this.#context = context;
    this.#unwatch = store.watch((touched) => this.#touched(touched));
  }

  get nodeId(): string {
    return this.node.id;
  }

  /** What it gets. */
  get store(): ResourceStore {
    return this.#seen;
  }

  /** Where it is. */
  get place(): Place {
    return this.#seen.place;
  }

  /** Looks again where it is: endpoints that differ there are sent. One of which nothing is known any more has not moved. */
  relocate(): void {
    const [from, to] = [this.place, this.#context.placeOf?.(this.node) ?? nowhere];
    if ((to.zone === "" && to.node === "") || (to.zone === from.zone && to.node === from.node)) return;
    const { revision } = this.store;
    for (const subscription of this.of(endpointsType)) {
      for (const name of subscription.wildcard ? this.store.names(endpointsType) : subscription.names) {
        this.#seen.place = from;
        const before = this.store.get(endpointsType, name);
        this.#seen.place = to;
        if (this.store.get(endpointsType, name) !== before) subscription.touch({ type: endpointsType, name, before, revision, at: undefined }, true);
      }
    }
    this.#seen.place = to;
    this.schedule();
  }

  /** Adds a stream. */
  join(stream: Stream): void {
    this.#streams.add(stream);
  }

  /** Takes a stream away; gives whether it was the last one. */
  leave(stream: Stream): boolean {
    this.#streams.delete(stream);
    this.schedule();
    if (this.#streams.size > 0) return false;
    this.#unwatch();
    this.#cancelHold?.();
    return true;
  }

  *of(type: TypeUrl): Generator<Subscription> {
    for (const stream of this.#streams) {
      const subscription = stream.subscriptions.get(type);
      if (subscription !== undefined) yield subscription;
    }
  }

  /** Whether it has taken the newest version of a resource; not before it asks for that type at all. */
  hasTaken(type: TypeUrl, name: string): boolean {
    const subscriptions = [...this.of(type)];
    return subscriptions.length > 0 && subscriptions.every((subscription) => subscription.wants(name) && subscription.hasTaken(name));
  }

  /** Takes a request that came on a stream. */
  receive(stream: Stream, type: TypeUrl, request: Request): void {
    const known = stream.subscriptions.get(type);
    const subscription = known ?? new Subscription(type, stream);
    stream.subscriptions.set(type, subscription);
    if (isStale(subscription, request)) return;
    if (request.wanted.kind === "sotw" && known === undefined) subscription.resumed = request.wanted.version;
    this.#settle(subscription, request);
    if (known === undefined && type === listenerType) this.#tellHeld(request);
    const dropped = subscribe(subscription, request.wanted, known === undefined, this.store);
    if (type === endpointsType) for (const name of dropped) this.awaited.delete(name);
    if (known === undefined && type === listenerType) this.#noteHeldListeners(subscription);
    this.schedule();
  }

  #tellHeld({ wanted }: Request): void {
    if (wanted.kind !== "delta") return;
    for (const [name, version] of Object.entries(wanted.versions)) this.#context.onHeld?.({ type: listenerType, name, version, nodeId: this.nodeId, fleet: this.store.fleet });
  }

  /** A listener that an Envoy has from another replica, or from before a restart, is not sent again: that it has it is news here all the same. */
  #noteHeldListeners(subscription: Subscription): void {
    for (const name of this.store.names(listenerType)) {
      const resource = subscription.wants(name) && subscription.hasTaken(name) ? this.store.get(listenerType, name) : undefined;
      if (resource !== undefined) this.#context.onAck?.({ type: listenerType, name, version: resource.version, nodeId: this.nodeId, fleet: this.store.fleet });
    }
  }

  /** Has everything sent that may be sent, after the events of this turn. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#pump());
  }

  #settle(subscription: Subscription, request: Request): void {
    const batch = request.nonce === "" ? undefined : subscription.landed(request.nonce);
    if (batch === undefined) return;
    const to = { store: this.store, view: this, context: this.#context, nodeId: this.nodeId };
    if (request.error === undefined) acknowledge(subscription, batch, to);
    else refuse(subscription, batch, request.error, to);
  }

  #touched(touched: readonly Touched[]): void {
    for (const change of touched)
      for (const subscription of this.of(change.type))
        if (subscription.wants(change.name) && !this.#isOfOthers(subscription, change)) subscription.touch({ ...change, before: this.#seen.seen(change.before) }, this.store.get(change.type, change.name) !== undefined);
    this.schedule();
  }

  /** Whether only what Envoys elsewhere get has changed. */
  #isOfOthers(subscription: Subscription, { type, name, before }: Touched): boolean {
    const now = this.store.get(type, name);
    if (before?.placed === undefined && (now?.common ?? now)?.placed === undefined) return false;
    return now !== undefined && this.#seen.seen(before)?.version === now.version && subscription.holds(name);
  }

  #pump(): void {
    this.#scheduled = false;
    for (const type of typeUrls) for (const stream of this.#streams) this.#flush(stream, type);
    this.#watchHeld();
  }

  #flush(stream: Stream, type: TypeUrl): void {
    const subscription = stream.subscriptions.get(type);
    if (subscription === undefined) return;
    const from = { store: this.store, view: this, limitBytes: this.#context.limitBytes, nextNonce: () => stream.nextNonce() };
    while (stream.ready()) {
      const response = nextResponse(subscription, from);
      if (response === undefined) return;
      this.#context.metrics.pushed(typeLabels[type], response.length);
      stream.write(response);
    }
  }

  // Nothing hangs for ever on an Envoy that never asks for a cluster's endpoints, or never answers.
  #watchHeld(): void {
    const held = typeUrls.some((type) => this.of(type).some((subscription) => subscription.held));
    if (!held) this.#cancelHold?.();
    if (!held) this.#cancelHold = undefined;
    else this.#cancelHold ??= this.#context.schedule(this.#context.holdMs, this.#giveUpAfter(this.#floors()));
  }

  #giveUpAfter(floors: Floors): () => void {
    return () => {
      this.#cancelHold = undefined;
      const now = this.#floors();
      if (now.clusters === floors.clusters && now.users === floors.users) this.#giveUp();
      this.schedule();
    };
  }

  #floors(): Floors {
    return { clusters: clusterFloor(this), users: usersFloor(this, clusterUsers) };
  }

  #giveUp(): void {
    this.#context.log.warn({ node: this.nodeId, afterMs: this.#context.holdMs }, "An Envoy did not acknowledge in time; what waited for it is sent");
    this.awaited.clear();
    for (const type of typeUrls.filter((one) => one === clusterType || clusterUsers.includes(one)))
      for (const subscription of this.of(type)) {
        subscription.upserts.clear();
        subscription.removals.clear();
      }
  }
}

interface Floors {
  readonly clusters: number;
  readonly users: number;
}

// An answer to an older response of a state-of-the-world stream: its list of names is older than what we know.
function isStale(subscription: Subscription, request: Request): boolean {
  if (request.wanted.kind === "delta" || request.nonce === "") return false;
  return subscription.lastNonce !== undefined && request.nonce !== subscription.lastNonce;
}
