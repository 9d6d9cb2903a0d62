import type { PipelineChange } from "#app/pipeline";
import type { ResourceKind } from "#app/resources";
import { scopeResourceName } from "#envoy/names";
import { splitFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { ResourceStore } from "#xds/store";
import { clusterType, endpointsType, listenerType, scopeType, secretType } from "#xds/types";
import type { TypeUrl } from "#xds/types";

/** The type URL of each kind of resource. */
export const typeOf: Readonly<Record<ResourceKind, TypeUrl>> = { cds: clusterType, eds: endpointsType, sds: secretType, lds: listenerType, srds: scopeType };

/** What Envoys know a resource by that is called `name` here. */
export function nameInXds(type: TypeUrl, name: string): string {
  return type === scopeType ? scopeResourceName(name) : name;
}

interface FleetChange {
  readonly upserts: { type: TypeUrl; name: string; bytes: Uint8Array }[];
  readonly removals: { type: TypeUrl; name: string }[];
}

/** Hands what changed to the Envoys that it is for. `at` is when the cause arrived (ms). Gives how many resources that were. */
export function feedStores(storeOf: (fleet: FleetName) => ResourceStore, change: Pick<PipelineChange, "resources">, at: number): number {
  const fleets = new Map<FleetName, FleetChange>();
  let count = 0;
  for (const [kind, entries] of change.resources) {
    const type = typeOf[kind];
    for (const [qualified, bytes] of entries) {
      const { fleet, name: own } = splitFleet(qualified);
      const name = nameInXds(type, own);
      const of = fleets.get(fleet) ?? { upserts: [], removals: [] };
      fleets.set(fleet, of);
      count += 1;
      if (bytes === undefined) of.removals.push({ type, name });
      else of.upserts.push({ type, name, bytes });
    }
  }
  for (const [fleet, of] of fleets) storeOf(fleet).apply({ ...of, at });
  return count;
}
