import { endpointsNameOf } from "./cluster-endpoints.ts";
import type { PlacedContents } from "./place.ts";
import { frameOf, versionOf } from "./resource.ts";
import type { StoredResource } from "./resource.ts";
import { clusterType, typeUrls } from "./types.ts";
import type { ResourceChange, ResourceKey, ResourceUpsert, TypeUrl } from "./types.ts";

export type { StoredResource } from "./resource.ts";

/** What a change did to one name: told to every connected Envoy. */
export interface Touched {
  readonly type: TypeUrl;
  readonly name: string;
  /** What was served under this name before. */
  readonly before: StoredResource | undefined;
  readonly revision: number;
  readonly at: number | undefined;
}

/** What an Envoy said about a resource, seen over the whole fleet. */
export type Verdict = "news" | "known";

/** The resources of one fleet of Envoys, and what these Envoys said about them. */
export interface ResourceStore {
  /** The name of the fleet. */
  readonly fleet: string;
  /** Takes over a change at once; Envoys hear of it in the next turn of the event loop, together with other changes. */
  apply(change: ResourceChange): void;
  /** Does ahead for one resource what is most of the price of `apply`, which may get a great many at once. */
  prepare(upsert: ResourceUpsert): void;
  /** Gives what is served under a name: the newest version, or the last good one when the newest was refused. */
  get(type: TypeUrl, name: string): StoredResource | undefined;
  /** Gives the newest version under a name, refused or not. */
  newest(type: TypeUrl, name: string): StoredResource | undefined;
  /** Lists the names of a type. */
  names(type: TypeUrl): Iterable<string>;
  /** Counts the resources of a type. */
  count(type: TypeUrl): number;
  /** The number of the last change. */
  readonly revision: number;
  /** Asks Envoys' subscriptions to look again at names that are not stored but made on demand. */
  refresh(type: TypeUrl, names: Iterable<string>): void;
  /** Hears of every change; gives the function that ends it. */
  watch(listener: (touched: readonly Touched[]) => void): () => void;
  /** Notes that an Envoy accepted a resource; "news" when its name had been refused before. */
  acked(resource: StoredResource): Verdict;
  /** Notes that an Envoy refused a resource on its own; "news" when this version was not known as refused. */
  refused(resource: StoredResource): Verdict;
}

/** What a store can be given. */
export interface ResourceStoreOptions {
  /** The name of the fleet, by which acknowledgements and refusals are told apart; empty unless told. */
  readonly fleet?: string;
  /** Makes a resource for a name that was asked for but is not stored, for example a certificate for an SNI. */
  readonly resolveMissing?: (type: TypeUrl, name: string) => Uint8Array | undefined;
  /** Whether a resource that is stored is not given out, as if it were missing. */
  readonly withheld?: (type: TypeUrl, name: string) => boolean;
}

/** Creates the store of one fleet of Envoys. */
export function createResourceStore(options: ResourceStoreOptions = {}): ResourceStore {
  return new Store(options);
}

interface Entry {
  current: StoredResource;
  /** The last version that some Envoy accepted. */
  good: StoredResource | undefined;
  /** Whether `current` was refused. */
  refused: boolean;
  /** The last version reported as refused, until a later one is accepted. */
  reported: string | undefined;
}

class Store implements ResourceStore {
  readonly #entries = new Map<TypeUrl, Map<string, Entry>>(typeUrls.map((type) => [type, new Map()]));
  readonly #listeners = new Set<(touched: readonly Touched[]) => void>();
  readonly #options: ResourceStoreOptions;
  readonly fleet: string;
  /** By their bytes, which nobody changes. */
  readonly #prepared = new WeakMap<Uint8Array, StoredResource>();
  #revision = 0;

  constructor(options: ResourceStoreOptions) {
    this.#options = options;
    this.fleet = options.fleet ?? "";
  }

  get revision(): number {
    return this.#revision;
  }

  apply(change: ResourceChange): void {
    this.#revision += 1;
    const touched: Touched[] = [];
    for (const key of change.removals) this.#remove(key, change.at, touched);
    for (const upsert of change.upserts) this.#upsert(upsert, change.at, touched);
    this.#tell(touched);
  }

  prepare({ type, name, bytes }: ResourceUpsert): void {
    this.#prepared.set(bytes, this.#encode(type, name, versionOf(bytes), bytes));
  }

  get(type: TypeUrl, name: string): StoredResource | undefined {
    const entry = this.#of(type).get(name);
    return entry === undefined || this.#options.withheld?.(type, name) === true ? this.#resolve(type, name) : served(entry);
  }

  newest(type: TypeUrl, name: string): StoredResource | undefined {
    return this.#of(type).get(name)?.current;
  }

  names(type: TypeUrl): Iterable<string> {
    return this.#of(type).keys();
  }

  count(type: TypeUrl): number {
    return this.#of(type).size;
  }

  refresh(type: TypeUrl, names: Iterable<string>): void {
    this.#revision += 1;
    this.#tell(Array.from(names, (name) => ({ type, name, before: undefined, revision: this.#revision, at: undefined })));
  }

  watch(listener: (touched: readonly Touched[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  acked(resource: StoredResource): Verdict {
    const entry = this.#of(resource.type).get(resource.name);
    if (entry === undefined) return "known";
    // An older version's acknowledgement may come after a newer one arrived: it is still the last good one.
    if (entry.current.version === resource.version) entry.good = entry.current;
    else if ((entry.good?.revision ?? -1) < resource.revision) entry.good = resource;
    if (entry.current.version !== resource.version) return "known";
    if (entry.reported === undefined || entry.refused) return "known";
    entry.reported = undefined;
    return "news";
  }

  refused(resource: StoredResource): Verdict {
    const entry = this.#of(resource.type).get(resource.name);
    if (entry === undefined) return this.#options.resolveMissing === undefined ? "known" : "news";
    if (entry.reported === resource.version) return "known";
    entry.reported = resource.version;
    if (entry.current.version === resource.version) entry.refused = true;
    return "news";
  }

  #upsert({ type, name, bytes, placed }: ResourceUpsert, at: number | undefined, touched: Touched[]): void {
    const prepared = this.#prepared.get(bytes);
    this.#prepared.delete(bytes);
    const ready = prepared?.type === type && prepared.name === name ? prepared : undefined;
    const version = ready?.version ?? versionOf(bytes);
    const entry = this.#of(type).get(name);
    if (entry?.current.version === version && entry.current.placed?.contents.version === placed?.version) return;
    const before = entry && served(entry);
    // The text of the name that is there already is kept: Envoys' subscriptions share it.
    const known = entry?.current.name ?? name;
    const current = ready === undefined ? this.#encode(type, known, version, bytes, placed) : { ...ready, name: known, revision: this.#revision, ...placedPart(placed) };
    this.#of(type).set(current.name, { current, good: entry?.good, refused: false, reported: entry?.reported });
    touched.push({ type, name: current.name, before, revision: this.#revision, at });
  }

  #remove({ type, name }: ResourceKey, at: number | undefined, touched: Touched[]): void {
    const entry = this.#of(type).get(name);
    if (entry === undefined) return;
    this.#of(type).delete(name);
    touched.push({ type, name, before: served(entry), revision: this.#revision, at });
  }

  #resolve(type: TypeUrl, name: string): StoredResource | undefined {
    const bytes = this.#options.resolveMissing?.(type, name);
    return bytes && this.#encode(type, name, versionOf(bytes), bytes);
  }

  #encode(type: TypeUrl, name: string, version: string, bytes: Uint8Array, contents?: PlacedContents): StoredResource {
    const endpoints = type === clusterType ? endpointsNameOf(bytes) : undefined;
    return { type, name, version, revision: this.#revision, endpoints, ...frameOf(type, name, version, bytes), ...placedPart(contents) };
  }

  #of(type: TypeUrl): Map<string, Entry> {
    return this.#entries.get(type) ?? new Map<string, Entry>();
  }

  #tell(touched: readonly Touched[]): void {
    if (touched.length > 0) for (const listener of this.#listeners) listener(touched);
  }
}

function served(entry: Entry): StoredResource | undefined {
  return entry.refused ? entry.good : entry.current;
}

function placedPart(contents: PlacedContents | undefined): Pick<StoredResource, "placed"> {
  return contents === undefined ? {} : { placed: { contents, made: new Map() } };
}
