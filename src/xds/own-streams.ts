import { frameOf, versionOf } from "./resource.ts";
import type { StoredResource } from "./resource.ts";
import { clusterType, listenerType } from "./types.ts";
import type { Mode, TypeUrl } from "./types.ts";

/** What an Envoy gets in the place of a resource when it has a stream for each type; undefined where that is the same. */
export type OverOwnStreams = (type: TypeUrl, bytes: Uint8Array, mode: Mode) => Uint8Array | undefined;

/** The types of resources that say where others come from. */
const pointing: readonly TypeUrl[] = [clusterType, listenerType];

/** Resources as Envoys without ADS get them: made when the first of these is told, and shared by all of them. */
export class OwnStreams {
  readonly #rewrite: OverOwnStreams;
  readonly #made = new WeakMap<StoredResource, Map<Mode, StoredResource>>();

  constructor(rewrite: OverOwnStreams) {
    this.#rewrite = rewrite;
  }

  /** What stands in for a resource: itself for most. */
  of(resource: StoredResource, mode: Mode): StoredResource {
    if (!pointing.includes(resource.type)) return resource;
    const made = this.#made.get(resource) ?? new Map<Mode, StoredResource>();
    this.#made.set(resource, made);
    const known = made.get(mode);
    if (known !== undefined) return known;
    const own = this.#make(resource, mode);
    made.set(mode, own);
    return own;
  }

  #make(resource: StoredResource, mode: Mode): StoredResource {
    const { type, name } = resource;
    const bytes = this.#rewrite(type, resource.frame.subarray(resource.bytesStart), mode);
    if (bytes === undefined) return resource;
    const version = versionOf(bytes);
    return { ...resource, version, common: resource.common ?? resource, ...frameOf(type, name, version, bytes) };
  }
}
