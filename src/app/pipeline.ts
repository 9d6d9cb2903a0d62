import type { OrderRecord } from "#acme/record";
import { resourceKey } from "#app/parts";
import { envoyRules, fleetEnvoySettings, fleetListeners, resources, unencodable } from "#app/resources";
import type { ResourceKind } from "#app/resources";
import { unnamedHosts } from "#app/tls-shape";
import { refKey, refOf } from "#k8s/object";
import type { KubeObject } from "#k8s/object";
import { kindOf } from "#k8s/kinds";
import type { KindName } from "#k8s/kinds";
import { equalValues } from "#lib/equal";
import { quicListenerName, wildScopeName } from "#envoy/names";
import type { EnvoySettings } from "#settings/envoy";
import type { Settings } from "#settings/settings";
import type { FleetName } from "#model/fleet";
import type { CertificateSecret } from "#model/secret";
import type { ObjectEvent } from "#store/event";
import type { Family } from "#store/family";
import { Graph } from "#store/graph";
import type { Changes, Fact } from "#store/graph";
import { Parameters, RunningRule } from "#store/parameters";
import { orderRecords } from "#translate/certificates/orders";
import { certificateRequests } from "#translate/certificates/request";
import type { CertificateRequest } from "#translate/certificates/request";
import { fleetPlans } from "#translate/gateway/fleet-plan";
import type { FleetPlan } from "#translate/gateway/fleet-plan";
import { certificatesWanted, endpoints, ingressProblems, missingCertificates, objectKey, objects, sharedGuards, statuses, tlsHosts, virtualHosts, wildcardHosts } from "#translate/facts";
import type { DesiredStatus, IngressProblem } from "#translate/facts";
import { translationRules } from "#translate/rules";
import { examinedSecrets } from "#translate/shared/secrets";
import type { ExaminedSecret } from "#translate/shared/secrets";
import { splitTlsHostKey } from "#translate/tls-hosts";
import { listenerType, scopeType } from "#xds/types";

/** What one batch of changes led to. */
export interface PipelineChange {
  /** How many changes of objects came, by `op kind` (add, update or delete). */
  readonly received: ReadonlyMap<string, number>;
  /** Encoded resources by xDS service and name; undefined means gone. */
  readonly resources: ReadonlyMap<ResourceKind, ReadonlyMap<string, Uint8Array | undefined>>;
  /** What the status of objects should say now, for those where that changed. */
  readonly statuses: readonly DesiredStatus[];
  /** Objects (`kind/namespace/name`) about which we have nothing more to say: gone, or of another class. */
  readonly withdrawn: readonly string[];
  /** Problems of Ingresses, which have no conditions; an empty list means solved. */
  readonly ingressProblems: ReadonlyMap<string, readonly IngressProblem[]>;
  /** Certificates that are served, by name; an empty list means no longer. */
  readonly certificates: ReadonlyMap<string, readonly CertificateSecret[]>;
  /** Secrets of certificates as they were understood; an empty list means gone. */
  readonly secrets: ReadonlyMap<string, readonly ExaminedSecret[]>;
  /** Secrets that TLS hosts name and that do not exist, with the hosts. */
  readonly missingCertificates: ReadonlyMap<string, readonly string[]>;
  /** Resources (xDS service and name) that cannot be encoded, with the reason; an empty list means they can again. */
  readonly unencodable: ReadonlyMap<string, readonly string[]>;
  /** The Envoys that Gateways are to have, by `namespace/name`; an empty list means none. */
  readonly fleetPlans: ReadonlyMap<string, readonly (FleetPlan | "keep")[]>;
  /** Certificates to be kept valid, by `namespace/name` of their Secrets; an empty list means no longer. */
  readonly certificateRequests: ReadonlyMap<string, readonly CertificateRequest[]>;
  /** What is known of orders, by `namespace/name` of the Secrets that they are for. */
  readonly orders: ReadonlyMap<string, readonly OrderRecord[]>;
  /** Endpoints (names) that have changed; it may be only for Envoys at some places. */
  readonly endpoints: readonly string[];
  /** Envoy's settings of fleets that have their own; an empty list means that they have what all have. */
  readonly fleetEnvoySettings: ReadonlyMap<FleetName, readonly EnvoySettings[]>;
  /** The names of the listeners of fleets where these have changed. */
  readonly fleetListeners: ReadonlyMap<FleetName, readonly string[]>;
  /** Groups of TLS hosts, by their buckets, that filter chains name no longer; an empty list means that they do again. */
  readonly unnamedHosts: ReadonlyMap<string, readonly true[]>;
  /** TLS hosts that have changed, by their buckets. */
  readonly tlsHosts: readonly string[];
  /** Resources (see `resourceKey`) whose parts have changed. */
  readonly parts: readonly string[];
}

/**
 * objects → facts → model → Envoy resources and statuses. One graph holds all of it: a change runs the units that read
 * what changed, and nothing else.
 */
export class Pipeline {
  readonly graph: Graph;
  readonly #settings: Parameters<Settings>;
  readonly #envoySettings: Parameters<EnvoySettings>;
  readonly #objectCounts = new Map<string, number>();
  #received = new Map<string, number>();

  constructor(settings: Settings, envoySettings: EnvoySettings) {
    const running = new RunningRule();
    this.#settings = new Parameters(running, settings);
    this.#envoySettings = new Parameters(running, envoySettings);
    const rules = [...translationRules(this.#settings.live), ...envoyRules(this.#envoySettings.live)];
    this.graph = new Graph(rules, [...Object.values(resources), statuses, ingressProblems, certificatesWanted, examinedSecrets, missingCertificates, unencodable, fleetPlans, fleetEnvoySettings, fleetListeners, virtualHosts, wildcardHosts, tlsHosts, unnamedHosts, sharedGuards, certificateRequests, orderRecords, endpoints] as readonly Family<unknown>[], running);
  }

  /** Takes in changes of objects, and facts that come with them, and tells what they led to. */
  apply(events: readonly ObjectEvent[], beside: readonly Fact[] = []): PipelineChange {
    return this.commit([...beside, ...this.factsOf(events)]);
  }

  /** What changes of objects say. They are counted as received, so it has to be taken in, too. */
  factsOf(events: readonly ObjectEvent[]): readonly Fact[] {
    // Of several events about one object only the last one counts.
    const last = new Map(events.map((event) => [refKey(event.type === "delete" ? event.ref : refOf(event.object)), event]));
    return [...last.values()].flatMap((event) => this.#fact(event));
  }

  /** How many objects of each kind are known. */
  get objectCounts(): ReadonlyMap<string, number> {
    return this.#objectCounts;
  }

  /** Takes in facts that are not objects: addresses of the load balancer, rejections by Envoy. */
  commit(facts: readonly Fact[]): PipelineChange {
    this.take(facts);
    this.work();
    return this.changes();
  }

  /** Goes over to other settings: what read a field that is different now runs again, and nothing else. */
  configure(settings: Settings, envoySettings: EnvoySettings): PipelineChange {
    this.takeSettings(settings, envoySettings);
    this.work();
    return this.changes();
  }

  /** Takes in facts; what follows from them is left to `work`. */
  take(facts: readonly Fact[]): void {
    this.graph.take(facts);
  }

  /** Goes over to other settings; what follows from that is left to `work`. */
  takeSettings(settings: Settings, envoySettings: EnvoySettings): void {
    this.graph.rerun(new Set([...this.#settings.replace(settings), ...this.#envoySettings.replace(envoySettings)]));
  }

  /** Brings all that was taken in up to date, until that is done, which is told, or `isOver` says that it is enough for now. */
  work(isOver?: () => boolean): boolean {
    return this.graph.work(isOver);
  }

  /** What all that was taken in has led to since this was asked last. */
  changes(): PipelineChange {
    const received = this.#received;
    this.#received = new Map();
    return { ...this.#describe(this.graph.changes()), received };
  }

  /** Takes in endpoints in the middle of other work, and gives those that are others now: `changes` will again. */
  hurry(facts: readonly Fact[]): ReadonlyMap<string, Uint8Array | undefined> {
    const changed = this.graph.hurry(facts).get(resources.eds as Family<unknown>) ?? new Map<string, readonly unknown[]>();
    return new Map([...changed].map(([name, items]) => [name, items[0] as Uint8Array | undefined]));
  }

  /** Envoy's settings that count now, where a fleet has none of its own. */
  get envoySettings(): EnvoySettings {
    return this.#envoySettings.values;
  }

  #describe(changes: Changes): Omit<PipelineChange, "received"> {
    const changed = <T>(family: Family<T>): ReadonlyMap<string, readonly T[]> => (changes.get(family as Family<unknown>) ?? new Map()) as ReadonlyMap<string, readonly T[]>;
    return {
      resources: new Map((Object.keys(resources) as ResourceKind[]).map((kind) => [kind, new Map([...changed(resources[kind])].map(([name, items]) => [name, items[0]]))])),
      statuses: [...changed(statuses)].flatMap(([key, [status]]) => status ?? this.#withdrawn(key)),
      withdrawn: [...changed(statuses)].flatMap(([key, [status]]) => (status === undefined ? [key] : [])),
      ingressProblems: changed(ingressProblems),
      certificates: changed(certificatesWanted),
      secrets: changed(examinedSecrets),
      missingCertificates: changed(missingCertificates),
      unencodable: changed(unencodable),
      fleetPlans: changed(fleetPlans),
      certificateRequests: changed(certificateRequests),
      orders: changed(orderRecords),
      endpoints: [...changed(endpoints).keys()],
      fleetEnvoySettings: changed(fleetEnvoySettings),
      fleetListeners: changed(fleetListeners),
      unnamedHosts: changed(unnamedHosts),
      tlsHosts: [...changed(tlsHosts).keys()],
      parts: [
        ...[...changed(virtualHosts).keys()].map((name) => resourceKey(scopeType, name)),
        ...[...changed(wildcardHosts).keys()].map((listener) => resourceKey(scopeType, wildScopeName(listener))),
        ...[...new Set([...[...changed(tlsHosts).keys()].map((key) => splitTlsHostKey(key).listener), ...changed(sharedGuards).keys()])].flatMap((name) => [resourceKey(listenerType, name), resourceKey(listenerType, quicListenerName(name))]),
      ],
    };
  }

  /** A route or policy that has left our Gateways takes our entries out of its status. Other kinds keep what was said last. */
  #withdrawn(key: string): readonly DesiredStatus[] {
    const [kind, namespace = "", name = ""] = key.split("/");
    const entries = listsOfEntries[kind as KindName];
    const [object] = entries === undefined ? [] : (this.graph.items(objects(kind as KindName), objectKey(namespace, name)) as readonly KubeObject[]);
    return entries === undefined || object === undefined ? [] : [{ kind: kind as KindName, namespace, name, generation: object.metadata.generation ?? 0, status: { [entries]: [] } }];
  }

  #fact(event: ObjectEvent): readonly Fact[] {
    if (event.type === "delete") {
      const family = objects(event.ref.kind as KindName);
      const bucket = objectKey(event.ref.namespace, event.ref.name);
      this.#count("delete", event.ref.kind, this.graph.items(family, bucket).length > 0 ? -1 : 0);
      return [{ family, bucket, publisher: "source", items: [] }];
    }
    const spec = kindOf(event.object.apiVersion, event.object.kind);
    if (spec === undefined) return [];
    const { namespace = "", name } = event.object.metadata;
    const family: Family<KubeObject> = objects(spec.kind) as Family<KubeObject>;
    const bucket = objectKey(namespace, name);
    const [known] = this.graph.items(family, bucket);
    this.#count(known === undefined ? "add" : "update", spec.kind, known === undefined ? 1 : 0);
    if (known !== undefined && sameForTranslation(known, event.object)) return [];
    return [{ family, bucket, publisher: "source", items: [event.object] }];
  }

  #count(op: "add" | "update" | "delete", kind: string, more: number): void {
    const key = `${op} ${kind}`;
    this.#received.set(key, (this.#received.get(key) ?? 0) + 1);
    if (more !== 0) this.#objectCounts.set(kind, (this.#objectCounts.get(kind) ?? 0) + more);
  }
}

/** Where the status of a kind has entries of several controllers. */
const listsOfEntries: Readonly<Partial<Record<KindName, "parents" | "ancestors">>> = { HTTPRoute: "parents", GRPCRoute: "parents", TLSRoute: "parents", TCPRoute: "parents", UDPRoute: "parents", BackendTLSPolicy: "ancestors", TrafficPolicy: "ancestors" };

/** Writing a status makes an event, too: where the API server counts generations, those tell such events from real changes. */
function sameForTranslation(known: KubeObject, next: KubeObject): boolean {
  const [a, b] = [known.metadata, next.metadata];
  if (a.generation === undefined || a.generation !== b.generation || a.uid !== b.uid || known.apiVersion !== next.apiVersion) return false;
  return equalValues(a.annotations, b.annotations) && equalValues(a.labels, b.labels);
}
