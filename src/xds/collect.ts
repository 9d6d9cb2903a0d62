import { gateOf } from "./order.ts";
import type { OrderView } from "./order.ts";
import type { StoredResource } from "./resource.ts";
import { scopeForRetry } from "./scope-retry.ts";
import type { ResourceStore } from "./store.ts";
import type { Batch, Subscription, Waiting } from "./subscription.ts";
import { clusterType, endpointsType, scopeType } from "./types.ts";
import type { TypeUrl } from "./types.ts";

/** Where a batch is collected from, and how large its resources may get together. */
export interface CollectFrom {
  readonly store: ResourceStore;
  readonly view: OrderView;
  readonly limitBytes: number;
}

/**
 * Gathers what may be sent now, in one response: all removals (a name that moves must be gone before it comes), and
 * resources up to the limit. Looks only at names that wait. After a refusal, one part of the refused response at a time.
 */
export function collect(subscription: Subscription, from: CollectFrom): Batch {
  const batch: Batch = { upserts: [], removals: [] };
  const state = { group: undefined as number | undefined, started: false, bytes: 0 };
  subscription.held = false;
  for (const [name, waiting] of subscription.dirty) {
    if (state.started && waiting.group !== state.group) continue;
    const resource = resourceFor(subscription.type, name, waiting, from.store);
    const gate = gateOf(from.view, subscription.type, waiting, resource !== undefined);
    if (gate === "held") subscription.held = true;
    if (gate !== "open" || (resource !== undefined && state.bytes > 0 && state.bytes + resource.frame.length > from.limitBytes)) continue;
    if (!state.started) Object.assign(state, { started: true, group: waiting.group });
    if (resource === undefined) batch.removals.push({ name, waiting });
    else {
      state.bytes += resource.frame.length;
      batch.upserts.push({ resource, waiting, repush: repushOf(resource.endpoints, from.view) });
    }
  }
  return batch;
}

function resourceFor(type: TypeUrl, name: string, { group }: Waiting, store: ResourceStore): StoredResource | undefined {
  const resource = store.get(type, name);
  return resource !== undefined && type === scopeType && group !== undefined ? scopeForRetry(resource, group) : resource;
}

function repushOf(endpoints: string | undefined, view: OrderView): string | undefined {
  if (endpoints === undefined) return undefined;
  for (const subscription of view.of(endpointsType)) if (subscription.wants(endpoints)) return endpoints;
  return undefined;
}

/** Notes which endpoints the clusters of a batch need before routes may use them, and has them sent again. */
export function awaitEndpoints(subscription: Subscription, batch: Batch, { view, store }: CollectFrom): void {
  if (subscription.type !== clusterType) return;
  for (const { resource, waiting, repush } of batch.upserts) {
    const since = subscription.upserts.since(resource.name) ?? waiting.revision;
    if (resource.endpoints !== undefined) view.awaited.add(resource.endpoints, since);
    if (repush !== undefined) pushAgain(repush, view, store, (other) => other.stream === subscription.stream);
  }
}

/**
 * Has endpoints sent that the Envoy already knows. It does not ask for them again, and a changed cluster stays warming
 * without them. On the cluster's own stream that must not wait for the acknowledgement: over ADS, Envoy holds that back
 * until the cluster is warm. Other streams have to wait for it, or the endpoints could come before the cluster.
 */
export function pushAgain(endpoints: string, view: OrderView, store: ResourceStore, to: (subscription: Subscription) => boolean): void {
  const exists = store.get(endpointsType, endpoints) !== undefined;
  for (const subscription of view.of(endpointsType)) {
    if (to(subscription) && subscription.wants(endpoints)) subscription.ask(endpoints, store.revision, undefined, exists);
  }
}
