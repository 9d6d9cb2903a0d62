import { readInstallation } from "#app/doctor/installation";
import type { ControllerView } from "#app/doctor/installation";
import { liveFaults, liveObject } from "#app/doctor/live-faults";
import type { LiveObject } from "#app/doctor/live-faults";
import { routedView } from "#app/doctor/routed-view";
import { Pipeline } from "#app/pipeline";
import { SecretMemory } from "#app/secret-memory";
import type { RoutedView } from "#doctor/view";
import type { FleetName } from "#model/fleet";
import { shortName } from "#provision/names";
import { kinds } from "#k8s/kinds";
import { refKey, refOf } from "#k8s/object";
import type { KubeObject } from "#k8s/object";
import { parseObject } from "#k8s/parse";
import type { ApiClient } from "#sources/kubernetes/client";
import { hasStandardGatewayApi } from "#sources/kubernetes/gateway-channel";
import { listKind } from "#sources/kubernetes/list";
import { trimObject } from "#sources/kubernetes/trim";
import type { Family } from "#store/family";
import { standardApi } from "#translate/facts";
import { fleetPlans } from "#translate/gateway/fleet-plan";

/** All that is routed in a cluster, translated here as its controller does it. */
export interface ClusterRoutes {
  readonly view: RoutedView;
  /** The fleets of Gateways, by the namespace of their pods and the value of their label. */
  readonly fleets: ReadonlyMap<string, FleetName>;
  readonly notes: readonly string[];
}

/** Reads a cluster's objects once and translates them as each of its controllers does. */
export async function readClusterRoutes(client: ApiClient, namespace: string, clock: () => number): Promise<ClusterRoutes> {
  const { controllers, notes } = await readInstallation(client, namespace);
  const places = controllers.some(({ watched }) => watched.length === 0) ? [undefined] : [...new Set(controllers.flatMap(({ watched }) => watched))];
  const listed = Object.values(kinds).flatMap((kind) => (kind.namespaced ? places : [undefined]).map((place) => listKind(client, kind, place)));
  const found = (await Promise.all(listed)).flat();
  const live = new Map<string, LiveObject>(found.map((object) => [refKey(refOf(object)), liveObject(object)]));
  const standard = await hasStandardGatewayApi(client);
  const objects = found.flatMap(readable);
  const parts = controllers.map((controller) => translated(controller, objects, live, standard, clock()));
  return { view: joined(parts.map(({ view }) => view)), fleets: new Map(parts.flatMap(({ fleets }) => [...fleets])), notes };
}

function translated({ settings, envoySettings, watched, secrets: ofSecrets, disabledKinds }: ControllerView, objects: readonly KubeObject[], live: ReadonlyMap<string, LiveObject>, standard: boolean, now: number): Omit<ClusterRoutes, "notes"> {
  const pipeline = new Pipeline(settings, envoySettings);
  const isSeen = ({ kind, metadata: { namespace } }: KubeObject): boolean => {
    const places = kind === "Secret" && ofSecrets.length > 0 ? ofSecrets : watched;
    return !(disabledKinds as readonly string[]).includes(kind) && (places.length === 0 || namespace === undefined || places.includes(namespace));
  };
  const { secrets } = pipeline.apply(objects.filter(isSeen).map((object) => ({ type: "upsert", object })));
  pipeline.commit([...new SecretMemory().follow(secrets, now), { family: standardApi as Family<unknown>, bucket: "", publisher: "discovery", items: standard ? [true] : [] }]);
  const view = routedView(pipeline);
  const plans = [...pipeline.graph.buckets(fleetPlans)].flatMap(([, items]) => items.filter((plan) => plan !== "keep"));
  const fleets = new Map(plans.map(({ fleet, namespace: place, name }) => [`${place}/${shortName(name)}`, fleet]));
  return { view: { ...view, faults: [...view.faults, ...liveFaults(pipeline, live, now)] }, fleets };
}

function joined(views: readonly RoutedView[]): RoutedView {
  return { routes: views.flatMap(({ routes }) => routes), claims: views.flatMap(({ claims }) => claims), clusters: views.flatMap(({ clusters }) => clusters), faults: views.flatMap(({ faults }) => faults) };
}

/** Objects that do not fit their schema stay out, as the controller leaves them out. */
function readable(object: KubeObject): readonly KubeObject[] {
  const parsed = parseObject(object, { origin: "cluster" });
  return parsed.ok ? [trimObject(parsed.value)] : [];
}
