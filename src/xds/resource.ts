import { hash } from "node:crypto";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { PlacedContents } from "./place.ts";
import type { TypeUrl } from "./types.ts";

/** A resource as it is kept: encoded once, its bytes shared by every response that holds it. */
export interface StoredResource {
  readonly type: TypeUrl;
  readonly name: string;
  /** A hash of the content: the same after a restart of the controller and in every replica. */
  readonly version: string;
  /** The number of the change that brought these bytes. */
  readonly revision: number;
  /** The resource as a field of DeltaDiscoveryResponse, tag and length included. */
  readonly frame: Buffer;
  /** Where, in `frame`, the Any begins, tag and length included: both responses hold resources in field 2. */
  readonly bodyStart: number;
  /** Where, in `frame`, the encoded message begins. */
  readonly bytesStart: number;
  /** Of a cluster that gets its endpoints by EDS: their name. */
  readonly endpoints: string | undefined;
  /** What Envoys at some places get instead, as far as it was made. */
  readonly placed?: { readonly contents: PlacedContents; readonly made: Map<string, StoredResource> };
  /** Of what some places get: the resource that it stands in for. */
  readonly common?: StoredResource;
}

/** Gives the resource as a field of DiscoveryResponse (state of the world). */
export function bodyOf(resource: StoredResource): Buffer {
  return resource.frame.subarray(resource.bodyStart);
}

/** Gives the encoded message itself. */
export function bytesOf(resource: StoredResource): Uint8Array {
  return resource.frame.subarray(resource.bytesStart);
}

/** Gives the version of some content: 96 bits of a hash are enough to tell versions of one resource apart. */
export function versionOf(bytes: Uint8Array | string): string {
  return hash("sha256", bytes, "base64url").slice(0, 16);
}

const lengthDelimited = 2;

/** Gives the key that precedes a length-delimited protobuf field. */
export function tag(field: number): number {
  return (field << 3) | lengthDelimited;
}

interface Frame {
  readonly frame: Buffer;
  readonly bodyStart: number;
  readonly bytesStart: number;
}

/** Wraps encoded bytes into Resource{version, name, Any}, the Any last so that it can be cut out. */
export function frameOf(type: TypeUrl, name: string, version: string, bytes: Uint8Array): Frame {
  const any = new BinaryWriter().uint32(tag(1)).string(type).uint32(tag(2)).uint32(bytes.length).finish();
  const body = new BinaryWriter().uint32(tag(2)).uint32(any.length + bytes.length).finish();
  const names = new BinaryWriter().uint32(tag(1)).string(version).uint32(tag(3)).string(name).finish();
  const length = names.length + body.length + any.length + bytes.length;
  const head = new BinaryWriter().uint32(tag(2)).uint32(length).finish();
  const bodyStart = head.length + names.length;
  const frame = Buffer.concat([head, names, body, any, bytes]);
  return { frame, bodyStart, bytesStart: bodyStart + body.length + any.length };
}
