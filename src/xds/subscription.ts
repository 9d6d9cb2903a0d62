import { Pending } from "./pending.ts";
import type { StoredResource } from "./resource.ts";
import type { Touched } from "./store.ts";
import type { Mode, TypeUrl } from "./types.ts";

/** What the Envoy holds under a name: nothing, a resource, or a version that only it knows (from before this stream). */
export type Held = StoredResource | "other" | undefined;

/** A name whose present state the Envoy has not been sent yet. */
export interface Waiting {
  /** The change that must be visible: decides what has to be there before. */
  readonly revision: number;
  /** Whether the Envoy asked for it just now (an answer is due) rather than the world having changed. */
  readonly asked: boolean;
  readonly held: Held;
  readonly at: number | undefined;
  /** After a refusal: the part of the refused response in which it is sent again, alone with its likes. */
  readonly group: number | undefined;
}

/** A name that was sent as a resource. */
export interface SentUpsert {
  readonly resource: StoredResource;
  readonly waiting: Waiting;
  /** Endpoints the Envoy held when this cluster was sent: it will not ask for them again. */
  readonly repush: string | undefined;
}

/** A name that was sent as removed. */
export interface SentRemoval {
  readonly name: string;
  readonly waiting: Waiting;
}

/** What a response held. */
export interface Batch {
  readonly upserts: SentUpsert[];
  readonly removals: SentRemoval[];
}

/** What one stream asked for of one type, and what it was sent. Costs memory only for what differs from the store. */
export class Subscription {
  readonly type: TypeUrl;
  readonly mode: Mode;
  /** The stream it came on: what is sent on one stream arrives in order. */
  readonly stream: object;
  wildcard = false;
  readonly names = new Set<string>();
  /** Whether a first response went out. */
  answered = false;
  /** The nonce of the last response. */
  lastNonce: string | undefined;
  /** How many responses the Envoy took, and how many it refused. */
  acknowledged = 0;
  refusals = 0;
  /** Whether something had to wait for an acknowledgement when this was last looked at. */
  held = false;
  readonly dirty = new Map<string, Waiting>();
  readonly inFlight = new Map<string, Batch>();
  /** Resources, and removals, that were not yet sent or not yet acknowledged. */
  readonly upserts = new Pending();
  readonly removals = new Pending();
  /** Names refused here, with the change that brought them: what that change removed must stay. */
  readonly refused = new Map<string, number>();
  /** The version of the whole state that the Envoy says it holds from an earlier stream (state of the world only). */
  resumed: string | undefined;
  readonly #flying = new Map<string, number>();
  #groups = 0;

  constructor(type: TypeUrl, stream: { readonly mode: Mode }) {
    this.type = type;
    this.mode = stream.mode;
    this.stream = stream;
  }

  /** Whether the Envoy wants to hear of a name. */
  wants(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  /** Notes that a name's state has to be sent. */
  mark(name: string, waiting: Waiting, exists: boolean): void {
    this.dirty.delete(name);
    this.dirty.set(name, waiting);
    const [into, outOf] = exists ? [this.upserts, this.removals] : [this.removals, this.upserts];
    outOf.delete(name);
    into.add(name, waiting.revision);
  }

  /** Notes a change of the store. */
  touch({ name, before, revision, at }: Touched, exists: boolean): void {
    const earlier = this.dirty.get(name);
    const held = earlier === undefined ? before : earlier.held;
    const oldest = earlier?.at === undefined || at === undefined ? (earlier?.at ?? at) : Math.min(earlier.at, at);
    this.mark(name, { revision, asked: false, held, at: oldest, group: undefined }, exists);
  }

  /** Notes that the Envoy asked for a name. */
  ask(name: string, revision: number, held: Held, exists: boolean): void {
    this.mark(name, { revision, asked: true, held, at: undefined, group: undefined }, exists);
  }

  /** Forgets a name that is no longer wanted. */
  drop(name: string): void {
    this.names.delete(name);
    this.dirty.delete(name);
    this.refused.delete(name);
    this.upserts.delete(name);
    this.removals.delete(name);
  }

  /** Notes that a response went out. */
  sent(nonce: string, batch: Batch): void {
    this.answered = true;
    this.lastNonce = nonce;
    this.inFlight.set(nonce, batch);
    for (const name of namesOf(batch)) {
      this.dirty.delete(name);
      this.#flying.set(name, (this.#flying.get(name) ?? 0) + 1);
    }
  }

  /** Takes a response out of flight; undefined when the nonce is not known. */
  landed(nonce: string): Batch | undefined {
    const batch = this.inFlight.get(nonce);
    this.inFlight.delete(nonce);
    for (const name of batch ? namesOf(batch) : []) this.#unfly(name);
    return batch;
  }

  /** Notes that a name needs no more waiting, unless newer news of it are on their way. */
  settle(name: string): void {
    if (this.dirty.has(name) || this.#flying.has(name)) return;
    this.upserts.delete(name);
    this.removals.delete(name);
  }

  /** Whether the Envoy was sent what is served under a name, and did not refuse it. */
  holds(name: string): boolean {
    return !this.dirty.has(name) && !this.refused.has(name);
  }

  /** Whether the Envoy has taken the newest version of a name, as far as it wants it. */
  hasTaken(name: string): boolean {
    return this.holds(name) && !this.#flying.has(name);
  }

  /** Gives the first of some new numbers of parts. */
  newGroups(count: number): number {
    this.#groups += count;
    return this.#groups - count;
  }

  #unfly(name: string): void {
    const left = (this.#flying.get(name) ?? 1) - 1;
    if (left > 0) this.#flying.set(name, left);
    else this.#flying.delete(name);
  }
}

function* namesOf(batch: Batch): Generator<string> {
  for (const { resource } of batch.upserts) yield resource.name;
  for (const { name } of batch.removals) yield name;
}
