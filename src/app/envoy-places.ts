import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import type { Graph } from "#store/graph";
import type { ObjectEvent } from "#store/event";
import { objectKey, objects } from "#translate/facts";
import type { NodeIdentity } from "#xds/connected-envoy";
import { nowhere } from "#xds/place";
import type { Place } from "#xds/place";

/**
 * Where Envoys are. Their pods are behind a Service, as clients have to reach them, so an EndpointSlice names the node and the zone of each:
 * no right to read Nodes is needed, and nothing in Envoy's manifests. A zone that an Envoy itself names (`--service-zone`) comes first.
 */
export class EnvoyPlaces {
  readonly #graph: Graph;
  /** The pods of namespaces in which somebody looked for one: read once, and kept up with changes. */
  readonly #namespaces = new Map<string, PlacesOfPods>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** The place of an Envoy, by what it says about itself. */
  of({ id, cluster, locality }: NodeIdentity): Place {
    const { namespace, pod } = podOf(id, cluster);
    const found = this.#placesIn(namespace).get(pod) ?? nowhere;
    return { node: found.node, zone: locality?.zone || found.zone };
  }

  /** Hears of changes, after the graph did; gives whether Envoys may be elsewhere now. */
  follow(events: readonly ObjectEvent[]): boolean {
    let moved = false;
    for (const event of events) {
      const { kind, namespace = "", name } = event.type === "delete" ? event.ref : { kind: event.object.kind, ...event.object.metadata };
      const known = kind === "EndpointSlice" ? this.#namespaces.get(namespace) : undefined;
      if (known === undefined) continue;
      const key = objectKey(namespace, name);
      moved = known.put(key, this.#graph.items(objects("EndpointSlice"), key)) || moved;
    }
    return moved;
  }

  #placesIn(namespace: string): PlacesOfPods {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const places = new PlacesOfPods();
    for (const [key, slices] of this.#graph.buckets(objects("EndpointSlice"))) if (key.startsWith(`${namespace}/`)) places.put(key, slices);
    this.#namespaces.set(namespace, places);
    return places;
  }
}

/** Pods by name; a pod may be in several slices, of several Services or address families. */
class PlacesOfPods {
  readonly #ofSlice = new Map<string, ReadonlyMap<string, Place>>();
  readonly #ofPod = new Map<string, Map<string, Place>>();

  get(pod: string): Place | undefined {
    return this.#ofPod.get(pod)?.values().next().value;
  }

  /** Takes in what a slice says now; gives whether a pod has another place. */
  put(slice: string, contents: readonly EndpointSlice[]): boolean {
    const before = this.#ofSlice.get(slice);
    const now = podsIn(contents);
    for (const pod of before?.keys() ?? []) if (!now.has(pod)) this.#forget(pod, slice);
    for (const [pod, place] of now) this.#ofPod.set(pod, (this.#ofPod.get(pod) ?? new Map<string, Place>()).set(slice, place));
    if (now.size === 0) this.#ofSlice.delete(slice);
    else this.#ofSlice.set(slice, now);
    return [...now].some(([pod, { node, zone }]) => before?.get(pod)?.node !== node || before.get(pod)?.zone !== zone);
  }

  #forget(pod: string, slice: string): void {
    const slices = this.#ofPod.get(pod);
    slices?.delete(slice);
    if (slices?.size === 0) this.#ofPod.delete(pod);
  }
}

function podsIn(slices: readonly EndpointSlice[]): ReadonlyMap<string, Place> {
  const pods = new Map<string, Place>();
  for (const { endpoints } of slices) for (const { targetRef, nodeName, zone } of endpoints ?? []) if (targetRef?.kind === "Pod" && targetRef.name !== undefined) pods.set(targetRef.name, { node: nodeName ?? "", zone: zone ?? "" });
  return pods;
}

/** The manifests of the common Envoys name the namespace as the cluster, those of a Gateway's Envoys before the pod. */
function podOf(id: string, cluster: string): { readonly namespace: string; readonly pod: string } {
  const at = id.indexOf("/");
  return at === -1 ? { namespace: cluster, pod: id } : { namespace: id.slice(0, at), pod: id.slice(at + 1) };
}
