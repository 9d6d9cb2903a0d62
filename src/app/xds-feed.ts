import type { PipelineChange } from "#app/pipeline";
import { resources } from "#app/resources";
import type { ResourceKind } from "#app/resources";
import { scopeResourceName } from "#envoy/names";
import { hasNear, NearEndpoints } from "#envoy/near-endpoints";
import type { Viewpoint } from "#envoy/near-endpoints";
import { splitFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { Graph } from "#store/graph";
import { endpoints } from "#translate/facts";
import type { PlacedContents } from "#xds/place";
import { versionOf } from "#xds/resource";
import type { ResourceStore } from "#xds/store";
import { clusterType, endpointsType, listenerType, scopeType, secretType } from "#xds/types";
import type { ResourceKey, ResourceUpsert, TypeUrl } from "#xds/types";

/** The type URL of each kind of resource. */
export const typeOf: Readonly<Record<ResourceKind, TypeUrl>> = { cds: clusterType, eds: endpointsType, sds: secretType, lds: listenerType, srds: scopeType };

/** What Envoys know a resource by that is called `name` here. */
export function nameInXds(type: TypeUrl, name: string): string {
  return type === scopeType ? scopeResourceName(name) : name;
}

interface FleetChange {
  readonly upserts: ResourceUpsert[];
  readonly removals: ResourceKey[];
}

/** Hands what changed to the Envoys that it is for. `at` is when the cause arrived (ms). Gives how many resources that were. */
export function feedStores(storeOf: (fleet: FleetName) => ResourceStore, change: Pick<PipelineChange, "resources" | "endpoints">, graph: Graph, at: number): number {
  const fleets = new Map<FleetName, FleetChange>();
  let count = 0;
  const put = (kind: ResourceKind, qualified: string, bytes: Uint8Array | undefined): void => {
    const type = typeOf[kind];
    const { fleet, name: own } = splitFleet(qualified);
    const name = nameInXds(type, own);
    const of = fleets.get(fleet) ?? { upserts: [], removals: [] };
    fleets.set(fleet, of);
    count += 1;
    if (bytes === undefined) of.removals.push({ type, name });
    else of.upserts.push({ type, name, bytes, ...(kind === "eds" ? placed(graph, qualified) : {}) });
  };
  for (const [kind, entries] of change.resources) for (const [qualified, bytes] of entries) put(kind, qualified, bytes);
  // Their resource may be the same while others are near.
  for (const qualified of change.endpoints) {
    const [bytes] = graph.items(resources.eds, qualified);
    if (bytes !== undefined && change.resources.get("eds")?.has(qualified) !== true) put("eds", qualified, bytes);
  }
  for (const [fleet, of] of fleets) storeOf(fleet).apply({ ...of, at });
  return count;
}

/** What Envoys near some endpoints get. */
function placed(graph: Graph, qualified: string): { readonly placed?: PlacedContents } {
  const [found] = graph.items(endpoints, qualified);
  if (found === undefined || !hasNear(found)) return {};
  const near = new NearEndpoints(found);
  const encode = (key: string): Uint8Array => near.encode(JSON.parse(key) as Viewpoint);
  const keyAt = (place: Viewpoint): string | undefined => {
    const from = near.viewpoint(place);
    return from && JSON.stringify(from);
  };
  return { placed: { version: versionOf(JSON.stringify(found)), keyAt, encode } };
}
