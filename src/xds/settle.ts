import { pushAgain } from "./collect.ts";
import type { XdsContext } from "./context.ts";
import type { OrderView } from "./order.ts";
import type { ResourceStore } from "./store.ts";
import type { Batch, SentUpsert, Subscription } from "./subscription.ts";
import { endpointsType, typeLabels } from "./types.ts";

/** What is needed to take an Envoy's answer. */
export interface SettleWith {
  readonly store: ResourceStore;
  readonly view: OrderView;
  readonly context: XdsContext;
  readonly nodeId: string;
}

/** Takes an acknowledgement: what waited for these names goes on. */
export function acknowledge(subscription: Subscription, batch: Batch, to: SettleWith): void {
  to.context.metrics.acked(typeLabels[subscription.type]);
  subscription.acknowledged += 1;
  for (const sent of batch.upserts) acknowledgeUpsert(subscription, sent, to);
  for (const { name } of batch.removals) {
    subscription.refused.delete(name);
    arrived(subscription, name, to.view);
  }
}

function acknowledgeUpsert(subscription: Subscription, { resource, waiting, repush }: SentUpsert, to: SettleWith): void {
  const { type, name, version } = resource;
  const { context, store, nodeId } = to;
  if (store.newest(type, name)?.version === version) subscription.refused.delete(name);
  if (store.acked(resource) === "news") context.onRecovered?.(type, name);
  if (waiting.at !== undefined) context.metrics.propagated(typeLabels[type], Math.max(0, context.clock() - waiting.at) / 1000);
  arrived(subscription, name, to.view);
  if (repush !== undefined) pushAgain(repush, to.view, store, (other) => other.stream !== subscription.stream);
  context.onAck?.({ type, name, version: (resource.common ?? resource).version, nodeId, fleet: store.fleet });
}

/** Notes that the Envoy knows a name's state: nothing waits for it any more. */
export function arrived(subscription: Subscription, name: string, view: OrderView): void {
  subscription.settle(name);
  if (subscription.type === endpointsType) view.awaited.delete(name);
}

/** Takes a refusal. It refuses all that the response held, so the parts are sent again, down to the one that is bad. */
export function refuse(subscription: Subscription, batch: Batch, message: string, to: SettleWith): void {
  to.context.metrics.nacked(typeLabels[subscription.type]);
  subscription.refusals += 1;
  const [only] = batch.upserts;
  if (batch.upserts.length + Math.min(1, batch.removals.length) > 1) split(subscription, batch);
  else if (only !== undefined && isOfItsPlace(message)) leaveOut(subscription, only, message, to);
  else if (only !== undefined) quarantine(subscription, only, message, to);
  else for (const { name } of batch.removals) arrived(subscription, name, to.view);
}

const parts = 8;

function split(subscription: Subscription, batch: Batch): void {
  const size = Math.ceil(batch.upserts.length / parts);
  const group = subscription.newGroups(parts + 1);
  for (const { name, waiting } of batch.removals) putBack(subscription, name, { ...waiting, group }, false);
  for (const [i, { resource, waiting }] of batch.upserts.entries()) {
    putBack(subscription, resource.name, { ...waiting, group: group + 1 + Math.floor(i / size) }, true);
  }
}

// What changed since is newer than what was refused: it goes out by itself, not with the parts.
function putBack(subscription: Subscription, name: string, waiting: SentUpsert["waiting"], exists: boolean): void {
  const newer = subscription.dirty.get(name);
  if (newer !== undefined) subscription.dirty.set(name, { ...newer, held: waiting.held });
  else if (subscription.wants(name)) subscription.mark(name, waiting, exists);
}

/** A port that is taken, or not allowed, where this one Envoy runs says nothing about the resource: others can serve it. */
function isOfItsPlace(message: string): boolean {
  return message.includes("cannot bind '");
}

/** Only this Envoy goes without, until the resource changes or it connects anew. */
function leaveOut(subscription: Subscription, { resource, waiting }: SentUpsert, message: string, { store, context, nodeId, view }: SettleWith): void {
  const { type, name, version, endpoints } = resource;
  context.log.error({ type: typeLabels[type], name, version, node: nodeId, message }, "an Envoy cannot serve a resource where it runs; others get it all the same");
  if (store.newest(type, name)?.version === version) subscription.refused.set(name, waiting.revision);
  if (endpoints !== undefined) view.awaited.delete(endpoints);
  arrived(subscription, name, view);
}

function quarantine(subscription: Subscription, { resource, waiting }: SentUpsert, message: string, to: SettleWith): void {
  const { type, name, version } = resource;
  const { context, store, nodeId } = to;
  if (store.refused(resource) === "news") context.onNack({ type, name, version: (resource.common ?? resource).version, message, nodeId, fleet: store.fleet });
  context.log.warn({ type: typeLabels[type], name, version, node: nodeId, message }, "Envoy refused a resource");
  if (store.newest(type, name)?.version === version) subscription.refused.set(name, waiting.revision);
  if (resource.endpoints !== undefined) to.view.awaited.delete(resource.endpoints);
  const next = afterQuarantine(subscription, { resource, waiting }, store);
  if (next === "nothing" || !subscription.wants(name)) arrived(subscription, name, to.view);
  else putBack(subscription, name, { ...waiting, group: undefined, asked: true }, next === "good");
}

// Served from now on: the last good version. Without one, who asked by name hears that there is nothing (or it would
// wait); an Envoy that still holds a version from before this stream keeps it.
function afterQuarantine(
  subscription: Subscription,
  { resource, waiting }: Pick<SentUpsert, "resource" | "waiting">,
  store: ResourceStore,
): "good" | "removal" | "nothing" {
  const served = store.get(resource.type, resource.name);
  const held = typeof waiting.held === "object" ? waiting.held.version : waiting.held;
  if (subscription.dirty.has(resource.name)) return served === undefined ? "removal" : "good";
  if (served === undefined) return held === undefined && !subscription.wildcard ? "removal" : "nothing";
  return served.version === resource.version || served.version === held ? "nothing" : "good";
}
