import type { Pending } from "./pending.ts";
import type { Subscription, Waiting } from "./subscription.ts";
import { clusterType, clusterUsers, endpointsType, listenerType, routeType, runtimeType, scopeType, secretType } from "./types.ts";
import type { TypeUrl } from "./types.ts";
import { Bug } from "#lib/bug";

/** The part of a connected Envoy that order depends on. */
export interface OrderView {
  /** Endpoints of clusters that were sent, not yet acknowledged by the Envoy. */
  readonly awaited: Pending;
  /** The Envoy's subscriptions of a type, over all its streams. */
  of(type: TypeUrl): Iterable<Subscription>;
}

/** "parked" waits for a user to repair something, "held" for an Envoy's acknowledgement. */
export type Gate = "open" | "held" | "parked";

/**
 * Decides whether a name may be sent now. Make before break: what names clusters waits until the clusters of the same
 * or an earlier change, and their endpoints, were acknowledged; what goes waits until what may still use it was.
 */
export function gateOf(view: OrderView, type: TypeUrl, waiting: Waiting, exists: boolean): Gate {
  if (waiting.asked && !exists) return "open";
  switch (type) {
    case runtimeType:
      return "open";
    case clusterType:
    case endpointsType:
    case secretType:
      return exists ? "open" : gateOfUnused(view, waiting.revision);
    case listenerType:
      return exists ? gateOfUser(view, waiting.revision) : gateOfListenerRemoval(view, waiting.revision);
    case routeType:
    case scopeType:
      return gateOfUser(view, waiting.revision);
    default:
      throw new Bug(`order of ${type satisfies never}`);
  }
}

function gateOfUser(view: OrderView, revision: number): Gate {
  return revision < clusterFloor(view) ? "open" : "held";
}

function gateOfListenerRemoval(view: OrderView, revision: number): Gate {
  const floor = Math.min(usersFloor(view, [routeType, scopeType]), clusterFloor(view));
  return revision < floor ? "open" : "held";
}

// A refused route keeps its last good version in the Envoy, which may use what the same change took away.
function gateOfUnused(view: OrderView, revision: number): Gate {
  for (const type of clusterUsers)
    for (const subscription of view.of(type))
      for (const refused of subscription.refused.values()) if (refused === revision) return "parked";
  return revision < usersFloor(view, clusterUsers) ? "open" : "held";
}

/** Gives the oldest change whose clusters or their endpoints are not acknowledged. */
export function clusterFloor(view: OrderView): number {
  let floor = view.awaited.floor();
  for (const subscription of view.of(clusterType)) floor = Math.min(floor, subscription.upserts.floor());
  return floor;
}

/** Gives the oldest change of the given types that is not acknowledged. */
export function usersFloor(view: OrderView, types: readonly TypeUrl[]): number {
  let floor = Infinity;
  for (const type of types)
    for (const { upserts, removals } of view.of(type)) floor = Math.min(floor, upserts.floor(), removals.floor());
  return floor;
}
