import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { bodyOf, tag, versionOf } from "./resource.ts";
import type { StoredResource } from "./resource.ts";
import type { Batch } from "./subscription.ts";
import type { TypeUrl } from "./types.ts";

/** Puts a delta response together from bytes that are already encoded. */
export function encodeDelta(type: TypeUrl, nonce: string, batch: Batch): Buffer {
  const rest = new BinaryWriter().uint32(tag(4)).string(type).uint32(tag(5)).string(nonce);
  for (const { name } of batch.removals) rest.uint32(tag(6)).string(name);
  return Buffer.concat([...batch.upserts.map(({ resource }) => resource.frame), rest.finish()]);
}

/** Puts a state-of-the-world response together from bytes that are already encoded. */
export function encodeSotw(type: TypeUrl, nonce: string, version: string, resources: readonly StoredResource[]): Buffer {
  const head = new BinaryWriter().uint32(tag(1)).string(version).finish();
  const rest = new BinaryWriter().uint32(tag(4)).string(type).uint32(tag(5)).string(nonce).finish();
  return Buffer.concat([head, ...resources.map(bodyOf), rest]);
}

/** Gives the version of a whole state: of the names and versions in it, in any order. */
export function worldVersion(resources: readonly StoredResource[]): string {
  return versionOf(resources.map(({ name, version }) => `${name}\0${version}`).toSorted().join("\n"));
}
