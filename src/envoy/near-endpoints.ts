import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { lbEndpoint } from "#envoy/endpoint";
import { LbEndpoint } from "#gen/envoy/envoy/config/endpoint/v3/endpoint_components";
import type { Endpoint, Endpoints } from "#model/cluster";

/** Where requests come from. What is not known is empty. */
export interface Viewpoint {
  readonly zone: string;
  readonly node: string;
}

// Numbers of fields: envoy.config.endpoint.v3.ClusterLoadAssignment and LocalityLbEndpoints.
const [clusterName, localities, lbEndpoints, priority] = [1, 2, 2, 5];
const tag = (field: number): number => (field << 3) | 2;

/** Whether some places have endpoints that are near. */
export function hasNear({ endpoints: [first] }: Endpoints): boolean {
  return first?.nearZones !== undefined || first?.nearNodes !== undefined;
}

/** The endpoints behind one Service's port as they are seen from near and far. Each is encoded once, for all viewpoints. */
export class NearEndpoints {
  readonly #endpoints: Endpoints;
  /** From where some are near. */
  readonly zones: ReadonlySet<string>;
  readonly nodes: ReadonlySet<string>;
  #encoded: readonly { readonly endpoint: Endpoint; readonly bytes: Uint8Array }[] | undefined;

  constructor(endpoints: Endpoints) {
    this.#endpoints = endpoints;
    this.zones = new Set(endpoints.endpoints.flatMap(({ nearZones = [] }) => nearZones));
    this.nodes = new Set(endpoints.endpoints.flatMap(({ nearNodes = [] }) => nearNodes));
  }

  /** The viewpoint without what makes no difference; undefined where nothing is near. */
  viewpoint({ zone, node }: Viewpoint): Viewpoint | undefined {
    const of = { zone: this.zones.has(zone) ? zone : "", node: this.nodes.has(node) ? node : "" };
    return of.zone === "" && of.node === "" ? undefined : of;
  }

  /**
   * All endpoints, in the order of nearness: of this node, of this zone, all others. Envoy takes those of a priority when those before are
   * gone or known to be ill.
   */
  encode({ zone, node }: Viewpoint): Uint8Array {
    this.#encoded ??= this.#endpoints.endpoints.map((endpoint) => ({ endpoint, bytes: LbEndpoint.encode(lbEndpoint(endpoint)).finish() }));
    const distance = ({ nearZones = [], nearNodes = [] }: Endpoint): number => (nearNodes.includes(node) ? 0 : nearZones.includes(zone) ? 1 : 2);
    const groups = Map.groupBy(this.#encoded, ({ endpoint }) => distance(endpoint));
    const writer = new BinaryWriter().uint32(tag(clusterName)).string(this.#endpoints.name);
    // Without gaps: Envoy refuses priorities that leave one out.
    for (const [level, far] of [...groups.keys()].toSorted().entries()) {
      writer.uint32(tag(localities)).fork();
      for (const { bytes } of groups.get(far) ?? []) writer.uint32(tag(lbEndpoints)).bytes(bytes);
      if (level > 0) writer.uint32(priority << 3).uint32(level);
      writer.join();
    }
    return writer.finish();
  }
}
