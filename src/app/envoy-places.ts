import type { Graph } from "#store/graph";
import type { ObjectEvent } from "#store/event";
import { objects } from "#translate/facts";
import type { NodeIdentity } from "#xds/connected-envoy";
import { nowhere } from "#xds/place";
import type { Place } from "#xds/place";

/**
 * Where Envoys are. Their pods are behind a Service, as clients have to reach them, so an EndpointSlice names the node and the zone of each:
 * no right to read Nodes is needed, and nothing in Envoy's manifests. A zone that an Envoy itself names (`--service-zone`) comes first.
 */
export class EnvoyPlaces {
  readonly #graph: Graph;
  /** The pods of namespaces in which somebody looked for one. */
  readonly #pods = new Map<string, ReadonlyMap<string, Place>>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** The place of an Envoy, by what it says about itself. */
  of({ id, cluster, locality }: NodeIdentity): Place {
    const { namespace, pod } = podOf(id, cluster);
    const found = this.#podsOf(namespace).get(pod) ?? nowhere;
    return { node: found.node, zone: locality?.zone || found.zone };
  }

  /** Hears of changes; gives whether Envoys may be elsewhere now. */
  follow(events: readonly ObjectEvent[]): boolean {
    let moved = false;
    for (const event of events) {
      const { kind, namespace = "" } = event.type === "delete" ? event.ref : { kind: event.object.kind, namespace: event.object.metadata.namespace };
      if (kind === "EndpointSlice" && this.#pods.delete(namespace)) moved = true;
    }
    return moved;
  }

  #podsOf(namespace: string): ReadonlyMap<string, Place> {
    const known = this.#pods.get(namespace);
    if (known !== undefined) return known;
    const pods = new Map<string, Place>();
    for (const [key, [slice]] of this.#graph.buckets(objects("EndpointSlice"))) {
      if (!key.startsWith(`${namespace}/`)) continue;
      for (const { targetRef, nodeName, zone } of slice?.endpoints ?? []) if (targetRef?.kind === "Pod" && targetRef.name !== undefined) pods.set(targetRef.name, { node: nodeName ?? "", zone: zone ?? "" });
    }
    this.#pods.set(namespace, pods);
    return pods;
  }
}

/** The manifests of the common Envoys name the namespace as the cluster, those of a Gateway's Envoys before the pod. */
function podOf(id: string, cluster: string): { readonly namespace: string; readonly pod: string } {
  const at = id.indexOf("/");
  return at === -1 ? { namespace: cluster, pod: id } : { namespace: id.slice(0, at), pod: id.slice(at + 1) };
}
