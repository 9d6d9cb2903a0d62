import type { ConnectedEnvoy } from "./connected-envoy.ts";
import type { Place } from "./place.ts";
import type { Subscription } from "./subscription.ts";
import { typeLabels, typeUrls } from "./types.ts";
import type { TypeUrl } from "./types.ts";

/** What one Envoy asked for of one type, and how far it is. */
export interface DescribedSubscription {
  readonly mode: string;
  /** `*`, or how many names. */
  readonly asksFor: "*" | number;
  readonly acknowledged: number;
  readonly refusals: number;
  /** Whether it has taken everything that there is for it. */
  readonly upToDate: boolean;
  /** Some of the names whose present state it was not sent yet, and how many there are. */
  readonly waiting: readonly string[];
  readonly waitingCount: number;
  /** Some of the names that were sent and are not acknowledged, and how many there are. */
  readonly unacknowledged: readonly string[];
  readonly unacknowledgedCount: number;
  /** Names of which it refused the newest version. */
  readonly refused: readonly string[];
}

/** A connected Envoy, as people want to see it. */
export interface DescribedEnvoy {
  readonly node: string;
  readonly fleet: string;
  readonly peer: string;
  /** Where it is, as far as that is known: what is preferred there depends on it. */
  readonly place: Place;
  /** Since when, in milliseconds since 1970. */
  readonly since: number;
  readonly streams: Readonly<Record<string, readonly DescribedSubscription[]>>;
}

/** The version that an Envoy has taken of each resource; undefined where it is on its way for the first time. */
export type TakenVersions = Readonly<Record<string, Readonly<Record<string, string | undefined>>>>;

const mostNames = 20;

/** Describes an Envoy; costs nothing per resource that it has. */
export function describeEnvoy(envoy: ConnectedEnvoy): DescribedEnvoy {
  const streams = typeUrls.map((type) => [typeLabels[type], [...envoy.of(type)].map(describe)] as const).filter(([, found]) => found.length > 0);
  return { node: envoy.nodeId, fleet: envoy.store.fleet, peer: envoy.peer, place: envoy.place, since: envoy.since, streams: Object.fromEntries(streams) };
}

/** Tells which version an Envoy has taken of everything that it wants. */
export function takenVersions(envoy: ConnectedEnvoy): TakenVersions {
  return Object.fromEntries(typeUrls.flatMap((type) => [...envoy.of(type)].map((subscription) => [typeLabels[type], versionsOf(envoy, type, subscription)] as const)));
}

function describe(subscription: Subscription): DescribedSubscription {
  const flying = [...subscription.inFlight.values()].flatMap(({ upserts, removals }) => [...upserts.map(({ resource }) => resource.name), ...removals.map(({ name }) => name)]);
  return {
    mode: subscription.mode,
    asksFor: subscription.wildcard ? "*" : subscription.names.size,
    acknowledged: subscription.acknowledged,
    refusals: subscription.refusals,
    upToDate: subscription.dirty.size === 0 && subscription.inFlight.size === 0 && subscription.refused.size === 0,
    waiting: [...subscription.dirty.keys()].slice(0, mostNames),
    waitingCount: subscription.dirty.size,
    unacknowledged: flying.slice(0, mostNames),
    unacknowledgedCount: flying.length,
    refused: [...subscription.refused.keys()],
  };
}

function versionsOf({ store }: ConnectedEnvoy, type: TypeUrl, subscription: Subscription): Readonly<Record<string, string | undefined>> {
  const held = new Map([...subscription.dirty].map(([name, waiting]) => [name, waiting.held]));
  for (const { upserts } of subscription.inFlight.values()) for (const { resource, waiting } of upserts) held.set(resource.name, waiting.held);
  const names = subscription.wildcard ? [...store.names(type)] : [...subscription.names];
  const before = (name: string): string | undefined => {
    const was = held.get(name);
    return typeof was === "object" ? was.version : was;
  };
  return Object.fromEntries(names.toSorted().map((name) => [name, held.has(name) ? before(name) : store.get(type, name)?.version]));
}
