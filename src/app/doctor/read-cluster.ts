import { readInstallation } from "#app/doctor/installation";
import { liveFaults, liveObject } from "#app/doctor/live-faults";
import type { LiveObject } from "#app/doctor/live-faults";
import { routedView } from "#app/doctor/routed-view";
import { Pipeline } from "#app/pipeline";
import { SecretMemory } from "#app/secret-memory";
import type { RoutedView } from "#doctor/view";
import type { FleetName } from "#model/fleet";
import { shortName } from "#provision/names";
import { kinds } from "#k8s/kinds";
import type { KindSpec } from "#k8s/kinds";
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

/** Reads a cluster's objects once and translates them by the settings of its installation. */
export async function readClusterRoutes(client: ApiClient, namespace: string, clock: () => number): Promise<ClusterRoutes> {
  const installation = await readInstallation(client, namespace);
  const wanted = Object.values(kinds).filter(({ kind }) => !installation.disabledKinds.includes(kind));
  const places = (kind: KindSpec): readonly (string | undefined)[] => (installation.watched.length === 0 || !kind.namespaced ? [undefined] : installation.watched);
  const found = (await Promise.all(wanted.flatMap((kind) => places(kind).map((place) => listKind(client, kind, place))))).flat();
  const live = new Map<string, LiveObject>(found.map((object) => [refKey(refOf(object)), liveObject(object)]));
  const standard = await hasStandardGatewayApi(client);
  const pipeline = new Pipeline(installation.settings, installation.envoySettings);
  const { secrets } = pipeline.apply(found.flatMap(readable).map((object) => ({ type: "upsert", object })));
  pipeline.commit([...new SecretMemory().follow(secrets, clock()), { family: standardApi as Family<unknown>, bucket: "", publisher: "discovery", items: standard ? [true] : [] }]);
  const view = routedView(pipeline);
  const plans = [...pipeline.graph.buckets(fleetPlans)].flatMap(([, items]) => items.filter((plan) => plan !== "keep"));
  const fleets = new Map(plans.map(({ fleet, namespace: place, name }) => [`${place}/${shortName(name)}`, fleet]));
  return { view: { ...view, faults: [...view.faults, ...liveFaults(pipeline, live, clock())] }, fleets, notes: installation.notes };
}

/** Objects that do not fit their schema stay out, as the controller leaves them out. */
function readable(object: KubeObject): readonly KubeObject[] {
  const parsed = parseObject(object, { origin: "cluster" });
  return parsed.ok ? [trimObject(parsed.value)] : [];
}
