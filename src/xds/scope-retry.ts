import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { bytesOf, frameOf, tag } from "./resource.ts";
import type { StoredResource } from "./resource.ts";

// Numbers of ScopedRouteConfiguration.route_configuration, RouteConfiguration.metadata, Metadata.filter_metadata.
const routeConfigurationField = 5;
const metadataField = 17;
const filterMetadataField = 1;

/**
 * Gives a scope in other bytes with the same meaning, to be sent again after a response that held it was refused.
 * Envoy notes each scope of a response before it finds the bad one, and puts none to use; the same scope sent again
 * counts as known and is skipped, so that it would never be served (found with Envoy 1.40). An empty entry of metadata
 * makes it new: protobuf merges a message field that comes twice.
 */
export function scopeForRetry(scope: StoredResource, attempt: number): StoredResource {
  const bytes = bytesOf(scope);
  if (!hasInlineRoutes(bytes)) return scope;
  const marked = Buffer.concat([bytes, mark(`contour.xds.retry.${attempt}`)]);
  return { ...scope, ...frameOf(scope.type, scope.name, scope.version, marked) };
}

function mark(key: string): Uint8Array {
  const entry = new BinaryWriter().uint32(tag(1)).string(key).uint32(tag(2)).bytes(new Uint8Array()).finish();
  const metadata = new BinaryWriter().uint32(tag(filterMetadataField)).bytes(entry).finish();
  const routes = new BinaryWriter().uint32(tag(metadataField)).bytes(metadata).finish();
  return new BinaryWriter().uint32(tag(routeConfigurationField)).bytes(routes).finish();
}

function hasInlineRoutes(scope: Uint8Array): boolean {
  const reader = new BinaryReader(scope);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === routeConfigurationField) return true;
    reader.skip(wire, field);
  }
  return false;
}
