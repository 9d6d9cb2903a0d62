import { nowhere } from "./place.ts";
import type { Place } from "./place.ts";
import { frameOf, versionOf } from "./resource.ts";
import type { StoredResource } from "./resource.ts";
import type { ResourceStore, Touched, Verdict } from "./store.ts";
import type { ResourceChange, ResourceUpsert, TypeUrl } from "./types.ts";

/** The resources of a fleet as one Envoy sees them: where it is, and over the streams that it has. */
export class PlacedStore implements ResourceStore {
  place: Place = nowhere;
  readonly #all: ResourceStore;
  readonly #instead: (resource: StoredResource) => StoredResource;

  /** `instead`: what its streams need in the place of a resource. */
  constructor(all: ResourceStore, instead: (resource: StoredResource) => StoredResource = (resource) => resource) {
    this.#all = all;
    this.#instead = instead;
  }

  /** What stands in for a resource here: itself for most. */
  seen(resource: StoredResource | undefined): StoredResource | undefined {
    const here = resource?.placed === undefined ? resource : placedVersion(resource, resource.placed, this.place);
    return here === undefined ? undefined : this.#instead(here);
  }

  get fleet(): string {
    return this.#all.fleet;
  }

  get revision(): number {
    return this.#all.revision;
  }

  apply(change: ResourceChange): void {
    this.#all.apply(change);
  }

  prepare(upsert: ResourceUpsert): void {
    this.#all.prepare(upsert);
  }

  get(type: TypeUrl, name: string): StoredResource | undefined {
    return this.seen(this.#all.get(type, name));
  }

  newest(type: TypeUrl, name: string): StoredResource | undefined {
    return this.seen(this.#all.newest(type, name));
  }

  names(type: TypeUrl): Iterable<string> {
    return this.#all.names(type);
  }

  count(type: TypeUrl): number {
    return this.#all.count(type);
  }

  refresh(type: TypeUrl, names: Iterable<string>): void {
    this.#all.refresh(type, names);
  }

  watch(listener: (touched: readonly Touched[]) => void): () => void {
    return this.#all.watch(listener);
  }

  acked(resource: StoredResource): Verdict {
    return this.#all.acked(resource.common ?? resource);
  }

  refused(resource: StoredResource): Verdict {
    return this.#all.refused(resource.common ?? resource);
  }
}

function placedVersion(resource: StoredResource, { contents, made }: NonNullable<StoredResource["placed"]>, place: Place): StoredResource {
  const key = contents.keyAt(place);
  if (key === undefined) return resource;
  const known = made.get(key);
  if (known !== undefined) return known;
  const { type, name, revision } = resource;
  const bytes = contents.encode(key);
  const version = versionOf(bytes);
  const placed: StoredResource = { type, name, version, revision, endpoints: undefined, common: resource, ...frameOf(type, name, version, bytes) };
  made.set(key, placed);
  return placed;
}
