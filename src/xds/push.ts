import { awaitEndpoints, collect } from "./collect.ts";
import type { OrderView } from "./order.ts";
import { encodeDelta, encodeSotw, worldVersion } from "./response.ts";
import type { StoredResource } from "./resource.ts";
import { arrived } from "./settle.ts";
import type { ResourceStore } from "./store.ts";
import type { Batch, Subscription } from "./subscription.ts";
import { clusterType, listenerType, scopeType } from "./types.ts";
import type { TypeUrl } from "./types.ts";

/** What a response is made from. */
export interface PushFrom {
  readonly store: ResourceStore;
  readonly view: OrderView;
  readonly limitBytes: number;
  nextNonce(): string;
}

// A client that takes responses in but never answers must not make the list of open responses grow.
const maxInFlight = 64;

/** Builds the next response of a subscription from the newest state, undefined when there is nothing to say (yet). */
export function nextResponse(subscription: Subscription, from: PushFrom): Buffer | undefined {
  return subscription.mode === "delta" ? nextDelta(subscription, from) : nextSotw(subscription, from);
}

function nextDelta(subscription: Subscription, from: PushFrom): Buffer | undefined {
  if (subscription.inFlight.size >= maxInFlight) return undefined;
  const batch = collect(subscription, from);
  if (isEmpty(batch) && !owesAnswer(subscription)) return undefined;
  const nonce = from.nextNonce();
  awaitEndpoints(subscription, batch, from);
  subscription.sent(nonce, batch);
  return encodeDelta(subscription.type, nonce, batch);
}

function isEmpty(batch: Batch): boolean {
  return batch.upserts.length === 0 && batch.removals.length === 0;
}

// Envoy waits 15 s for its first answer to "everything": it is given even when there is nothing.
function owesAnswer(subscription: Subscription): boolean {
  return subscription.wildcard && !subscription.answered && !subscription.held;
}

/** The types whose responses must hold everything: what is left out is gone. Of the others only the changed are sent. */
const wholeTypes: readonly TypeUrl[] = [clusterType, listenerType, scopeType];

// One at a time: the next response is built when the last was answered, and so always from the newest state.
function nextSotw(subscription: Subscription, from: PushFrom): Buffer | undefined {
  if (subscription.inFlight.size > 0) return undefined;
  return wholeTypes.includes(subscription.type) ? nextWhole(subscription, from) : nextPartial(subscription, from);
}

function nextPartial(subscription: Subscription, from: PushFrom): Buffer | undefined {
  const { upserts, removals } = collect(subscription, from);
  for (const { name } of removals) {
    subscription.dirty.delete(name);
    arrived(subscription, name, from.view);
  }
  if (upserts.length === 0 && !owesAnswer(subscription)) return undefined;
  return send(subscription, { upserts, removals: [] }, upserts.map(({ resource }) => resource), from);
}

function nextWhole(subscription: Subscription, from: PushFrom): Buffer | undefined {
  const batch = collect(subscription, { ...from, limitBytes: Infinity });
  if (isEmpty(batch) && !owesAnswer(subscription)) return undefined;
  const resources = worldOf(subscription, batch, from.store);
  if (resumes(subscription, resources)) return resume(subscription, batch, from);
  awaitEndpoints(subscription, batch, from);
  return send(subscription, batch, resources, from);
}

function send(subscription: Subscription, batch: Batch, resources: readonly StoredResource[], from: PushFrom): Buffer {
  const nonce = from.nextNonce();
  subscription.sent(nonce, batch);
  return encodeSotw(subscription.type, nonce, worldVersion(resources), resources);
}

function resumes(subscription: Subscription, resources: readonly StoredResource[]): boolean {
  return !subscription.answered && Boolean(subscription.resumed) && subscription.resumed === worldVersion(resources);
}

function resume(subscription: Subscription, batch: Batch, from: PushFrom): undefined {
  subscription.answered = true;
  for (const name of [...batch.upserts.map(({ resource }) => resource.name), ...batch.removals.map(({ name }) => name)]) {
    subscription.dirty.delete(name);
    arrived(subscription, name, from.view);
  }
}

/** Gives the whole state as this response shows it: the batch is new, what still waits is as the Envoy holds it. */
function worldOf(subscription: Subscription, batch: Batch, store: ResourceStore): StoredResource[] {
  const sent = new Map(batch.upserts.map(({ resource }) => [resource.name, resource]));
  const isNew = new Set([...sent.keys(), ...batch.removals.map(({ name }) => name)]);
  const waits = (name: string): boolean => subscription.dirty.has(name) && !isNew.has(name);
  const names = subscription.wildcard ? new Set([...store.names(subscription.type), ...subscription.names]) : subscription.names;
  const world = Array.from(names).flatMap((name) => (waits(name) ? [] : (sent.get(name) ?? store.get(subscription.type, name) ?? [])));
  for (const [name, { held }] of subscription.dirty) if (waits(name) && typeof held === "object") world.push(held);
  return world;
}
