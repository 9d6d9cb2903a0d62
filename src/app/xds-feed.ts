import type { PipelineChange } from "#app/pipeline";
import type { ResourceKind } from "#app/resources";
import type { ResourceStore } from "#xds/store";
import { clusterType, endpointsType, listenerType, scopeType, secretType } from "#xds/types";
import type { TypeUrl } from "#xds/types";

/** The type URL of each kind of resource. */
export const typeOf: Readonly<Record<ResourceKind, TypeUrl>> = { cds: clusterType, eds: endpointsType, sds: secretType, lds: listenerType, srds: scopeType };

/** Hands what changed to the Envoys of a store. `at` is when the cause arrived (ms). */
export function feedStore(store: ResourceStore, change: PipelineChange, at: number): number {
  const upserts: { type: TypeUrl; name: string; bytes: Uint8Array }[] = [];
  const removals: { type: TypeUrl; name: string }[] = [];
  for (const [kind, entries] of change.resources) {
    for (const [name, bytes] of entries) {
      if (bytes === undefined) removals.push({ type: typeOf[kind], name });
      else upserts.push({ type: typeOf[kind], name, bytes });
    }
  }
  if (upserts.length + removals.length > 0) store.apply({ upserts, removals, at });
  return upserts.length + removals.length;
}
