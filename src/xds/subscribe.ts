import type { Wanted } from "./request.ts";
import type { ResourceStore } from "./store.ts";
import type { Held, Subscription } from "./subscription.ts";
import { secretType } from "./types.ts";
import type { TypeUrl } from "./types.ts";

/** Whether a name asks for all of a type. Never for secrets: there it is what a client wrote into its TLS greeting, and Envoy passed on. */
function isEverything(type: TypeUrl, name: string): boolean {
  return name === "*" && type !== secretType;
}

/** Takes over which names a request asks for, and notes what the Envoy lacks. Gives the names it wants no more. */
export function subscribe(subscription: Subscription, wanted: Wanted, first: boolean, store: ResourceStore): readonly string[] {
  return wanted.kind === "delta"
    ? subscribeDelta(subscription, wanted, first, store)
    : subscribeSotw(subscription, wanted.names, first, store);
}

type DeltaWanted = Extract<Wanted, { kind: "delta" }>;

function subscribeDelta(subscription: Subscription, wanted: DeltaWanted, first: boolean, store: ResourceStore): readonly string[] {
  for (const name of wanted.unsubscribe) unsubscribe(subscription, name);
  const names = wanted.subscribe.filter((name) => !isEverything(subscription.type, name));
  const versions = new Map(first ? Object.entries(wanted.versions) : []);
  // A first request without names asks for everything (the older form of `*`).
  const all = (first && wanted.subscribe.length === 0) || names.length < wanted.subscribe.length;
  if (all) askForAll(subscription, versions, store);
  for (const name of names) askFor(subscription, name, versions, store);
  return wanted.unsubscribe;
}

function unsubscribe(subscription: Subscription, name: string): void {
  if (isEverything(subscription.type, name)) subscription.wildcard = false;
  else if (subscription.wildcard) subscription.names.delete(name);
  else subscription.drop(name);
}

function askForAll(subscription: Subscription, versions: ReadonlyMap<string, string>, store: ResourceStore): void {
  subscription.wildcard = true;
  subscription.answered = false;
  for (const name of store.names(subscription.type)) compare(subscription, name, versions, store);
  for (const name of versions.keys()) compare(subscription, name, versions, store);
}

function askFor(subscription: Subscription, name: string, versions: ReadonlyMap<string, string>, store: ResourceStore): void {
  // The store's own text is kept, so that a hundred Envoys share one copy of each name.
  subscription.names.add(store.newest(subscription.type, name)?.name ?? name);
  compare(subscription, name, versions, store);
}

// A name without a version is due even when it was sent before: who asks again has lost it.
function compare(subscription: Subscription, name: string, versions: ReadonlyMap<string, string>, store: ResourceStore): void {
  const resource = store.get(subscription.type, name);
  const version = versions.get(name);
  if (version !== undefined && resource?.version === version) return;
  if (version === undefined && resource === undefined && subscription.wildcard && !subscription.names.has(name)) return;
  const held: Held = version === undefined ? undefined : "other";
  // What an Envoy still holds from before is a removal like any other: it waits for its users.
  const asked = version === undefined || resource !== undefined;
  const waiting = { revision: store.revision, asked, held, at: undefined, group: undefined };
  subscription.mark(resource?.name ?? name, waiting, resource !== undefined);
}

function subscribeSotw(subscription: Subscription, wanted: readonly string[], first: boolean, store: ResourceStore): readonly string[] {
  const names = new Set(wanted.filter((name) => !isEverything(subscription.type, name)));
  const wildcard = names.size < wanted.length || (wanted.length === 0 && (first || subscription.wildcard));
  const dropped = Array.from(subscription.names).filter((name) => !names.has(name));
  for (const name of dropped) dropSotw(subscription, name, wildcard);
  const none = new Map<string, string>();
  if (wildcard && !subscription.wildcard) askForAll(subscription, none, store);
  subscription.wildcard = wildcard;
  for (const name of names) if (!subscription.names.has(name)) askFor(subscription, name, none, store);
  return dropped;
}

function dropSotw(subscription: Subscription, name: string, wildcard: boolean): void {
  if (wildcard) subscription.names.delete(name);
  else subscription.drop(name);
}
