import { CertificateExpiry } from "#app/certificate-expiry";
import { redactText } from "#app/debug/redact";
import { envoyWideResources } from "#app/envoy-wide";
import { OnDemandCertificates } from "#app/on-demand-certificates";
import { Pipeline } from "#app/pipeline";
import type { PipelineChange } from "#app/pipeline";
import { Refusals } from "#app/refusals";
import { SecretMemory } from "#app/secret-memory";
import { fleetEnvoySettings, fleetListeners } from "#app/resources";
import type { ResourceKind } from "#app/resources";
import { feedStores, typeOf } from "#app/xds-feed";
import { scopeOf } from "#envoy/scope";
import { commonFleet, inFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { EnvoySettings } from "#settings/envoy";
import type { Settings } from "#settings/settings";
import type { ObjectEvent, ObjectSink } from "#store/event";
import type { Family } from "#store/family";
import type { Fact } from "#store/graph";
import { certManagerServed } from "#translate/certificates/annotations";
import { issuerProblems } from "#translate/certificates/issuers";
import { loadBalancerAddresses, standardApi, takenListeners } from "#translate/facts";
import type { Ack, Nack } from "#xds/context";
import { bytesOf } from "#xds/resource";
import { createResourceStore } from "#xds/store";
import type { ResourceStore } from "#xds/store";
import { listenerType, scopeType, secretType } from "#xds/types";
import type { ResourceKey, TypeUrl } from "#xds/types";

/** What one batch of changes cost; times in milliseconds. */
export interface ChangeCost {
  /** How many resources changed. */
  readonly resources: number;
  readonly translateMs: number;
  readonly feedMs: number;
}

/** What a controller needs. */
export interface ControllerOptions {
  readonly settings: Settings;
  readonly envoySettings: EnvoySettings;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Hears of what each change led to, after Envoys were told. */
  readonly onChange: (change: PipelineChange, cost: ChangeCost) => void;
  /** Measures what changes cost, in milliseconds from any beginning; only differences count. */
  readonly stopwatch?: () => number;
}

/** An address of the load balancer in front of Envoy. */
export interface LoadBalancerAddress {
  readonly ip?: string;
  readonly hostname?: string;
}

/** Source → pipeline → Envoys. Holds everything back until `open`: the first configuration that an Envoy gets is complete. */
export class Controller implements ObjectSink {
  readonly pipeline: Pipeline;
  readonly #stores = new Map<FleetName, ResourceStore>();
  readonly #onDemand = new Map<FleetName, OnDemandCertificates>();
  readonly #taken = new Set<string>();
  readonly #options: ControllerOptions;
  readonly #expiry = new CertificateExpiry();
  readonly #secrets = new SecretMemory();
  readonly #refusals: Refusals;
  /** What each fleet has whatever objects there are. */
  readonly #wide = new Map<FleetName, readonly ResourceKey[]>();
  #early: ObjectEvent[] | undefined = [];

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.pipeline = new Pipeline(options.settings, options.envoySettings);
    this.#refusals = new Refusals(this.pipeline.graph, (fleet) => this.fleet(fleet));
  }

  /** What the Envoys of Ingress and HTTPProxy get. */
  get store(): ResourceStore {
    return this.fleet(commonFleet);
  }

  /** What the Envoys of a fleet get. */
  fleet(name: FleetName): ResourceStore {
    const known = this.#stores.get(name);
    if (known !== undefined) return known;
    const store = this.#newStore(name);
    this.#stores.set(name, store);
    this.#applyWide(name, store);
    return store;
  }

  #newStore(fleet: FleetName): ResourceStore {
    const onDemand = new OnDemandCertificates(this.pipeline.graph, fleet);
    this.#onDemand.set(fleet, onDemand);
    return createResourceStore({
      fleet,
      resolveMissing: (type, name) => (type === secretType ? onDemand.find(name) : undefined),
      withheld: (type, name) => type === secretType && onDemand.withholds(name),
    });
  }

  /** Gives a fleet what it has whatever objects there are; equal contents are no news for its Envoys. */
  #applyWide(fleet: FleetName, store: ResourceStore): void {
    const { graph, envoySettings } = this.pipeline;
    const upserts = envoyWideResources(graph.items(fleetEnvoySettings, fleet)[0] ?? envoySettings, graph.items(fleetListeners, fleet));
    const removals = (this.#wide.get(fleet) ?? []).filter((old) => !upserts.some(({ type, name }) => type === old.type && name === old.name));
    this.#wide.set(fleet, upserts.map(({ type, name }) => ({ type, name })));
    store.apply({ upserts, removals });
  }

  /** The Envoys of a Gateway that is gone need nothing more. */
  forgetFleet(name: FleetName): void {
    this.#stores.delete(name);
    this.#wide.delete(name);
    this.#onDemand.delete(name);
  }

  /** Takes in changes of objects. */
  apply(events: readonly ObjectEvent[]): void {
    if (this.#early !== undefined) return void this.#early.push(...events);
    const at = this.#options.clock();
    this.#run(() => this.pipeline.apply(events, this.#secrets.before(events, at)), at);
  }

  /** All objects are known: translates them, and from now on every change at once. */
  open(): void {
    const events = this.#early ?? [];
    this.#early = undefined;
    this.apply(events);
  }

  /** Goes over to other settings: Envoys get what differs, and keep their connections. */
  configure(settings: Settings, envoySettings: EnvoySettings): void {
    this.#run(() => this.pipeline.configure(settings, envoySettings), this.#options.clock());
    for (const [fleet, store] of this.#stores) this.#applyWide(fleet, store);
  }

  /** Where clients reach the Envoys of a fleet, for the status of Ingresses, HTTPProxies and Gateways. */
  setAddresses(addresses: readonly LoadBalancerAddress[], fleet: FleetName = commonFleet): void {
    this.#commit([{ family: loadBalancerAddresses as Family<unknown>, bucket: fleet, publisher: "addresses", items: addresses }]);
  }

  /** Whether the CRDs of Gateway API are the standard ones. */
  setStandardApi(standard: boolean): void {
    this.#commit([{ family: standardApi as Family<unknown>, bucket: "", publisher: "discovery", items: standard ? [true] : [] }]);
  }

  /** Whether the cluster has cert-manager. */
  setCertManager(served: boolean): void {
    this.#commit([{ family: certManagerServed as Family<unknown>, bucket: "", publisher: "discovery", items: served ? [true] : [] }]);
  }

  /** Why an issuer can issue nothing now; undefined where it can. */
  setIssuerProblem(issuer: string, problem: string | undefined): void {
    this.#commit([{ family: issuerProblems as Family<unknown>, bucket: issuer, publisher: "status", items: problem === undefined ? [] : [problem] }]);
  }

  /** Envoy refused a resource: finds the part that it is, and tells the object that it came from. */
  rejected({ type, name, message, fleet }: Pick<Nack, "type" | "name" | "message" | "fleet">): void {
    // Envoy may quote what it refuses, and this goes into a status that more people read than the Secret.
    this.#commitAny(this.#refusals.refused(type, inFleet(fleet, this.ownName(type, name, fleet)), redactText(message)));
  }

  /** What a resource is called here that Envoys of a fleet know as `nameInXds`. */
  ownName(type: TypeUrl, nameInXds: string, fleet: FleetName): string {
    const scope = type === scopeType ? this.fleet(fleet).newest(type, nameInXds) : undefined;
    return (scope && scopeOf(bytesOf(scope))) ?? nameInXds;
  }

  /** Envoy took a version of a resource. */
  accepted({ type, name, version, fleet }: Pick<Ack, "type" | "name" | "version" | "fleet">): void {
    const qualified = inFleet(fleet, name);
    this.#commitAny([...this.#refusals.taken(type, qualified, version), ...this.#took(type, qualified)]);
  }

  /** The first time that a listener is taken is news for the Gateways that are served by it. */
  #took(type: TypeUrl, listener: string): readonly Fact[] {
    if (type !== listenerType || !this.#options.settings.awaitEnvoys || this.#taken.has(listener)) return [];
    this.#taken.add(listener);
    return [takenFact(listener, [true])];
  }

  /** A listener that comes back must be taken again. */
  #untaken(change: PipelineChange): readonly Fact[] {
    const gone = [...(change.resources.get("lds") ?? [])].filter(([listener, bytes]) => bytes === undefined && this.#taken.delete(listener));
    return gone.map(([listener]) => takenFact(listener, []));
  }

  #encodes(resource: string, reason: string | undefined): void {
    const [kind = "cds", ...name] = resource.split(" ");
    if (reason !== undefined) this.#commitAny(this.#refusals.refused(typeOf[kind as ResourceKind], name.join(" "), redactText(`it cannot be encoded: ${reason}`)));
  }

  #commitAny(facts: readonly Fact[]): void {
    if (facts.length > 0) this.#commit(facts);
  }

  #commit(facts: readonly Fact[]): void {
    this.#run(() => this.pipeline.commit(facts), this.#options.clock());
  }

  /** When each certificate ends that is served. */
  certificateEnds(): ReturnType<CertificateExpiry["ends"]> {
    return this.#expiry.ends();
  }

  /** Looks at the clock: certificates may have begun or ended. To be called from time to time. */
  tick(): void {
    this.#commitAny(this.#secrets.tick(this.#options.clock()));
  }

  #run(translate: () => PipelineChange, at: number): void {
    const { stopwatch = () => performance.now(), onChange } = this.#options;
    const started = stopwatch();
    const change = translate();
    const translated = stopwatch();
    for (const fleet of new Set([...change.fleetEnvoySettings.keys(), ...change.fleetListeners.keys()])) this.#applyWide(fleet, this.fleet(fleet));
    const resources = feedStores((fleet) => this.fleet(fleet), change, at);
    this.#refreshCertificates(change);
    onChange(change, { resources, translateMs: translated - started, feedMs: stopwatch() - translated });
    this.#follow(change);
  }

  /** Has Envoys told of certificates that they hold under the names of hosts. */
  #refreshCertificates({ tlsHosts, resources }: PipelineChange): void {
    const certificates = [...(resources.get("sds")?.keys() ?? [])];
    if (tlsHosts.length + certificates.length === 0) return;
    for (const [fleet, onDemand] of this.#onDemand) {
      const names = onDemand.changed(tlsHosts, certificates);
      if (names.length > 0) this.#stores.get(fleet)?.refresh(secretType, names);
    }
  }

  #follow(change: PipelineChange): void {
    for (const [resource, [reason]] of change.unencodable) this.#encodes(resource, reason);
    this.#commitAny([...this.#refusals.follow(change.parts), ...this.#untaken(change)]);
    this.#expiry.follow(change.certificates);
    this.#commitAny(this.#secrets.follow(change.secrets, this.#options.clock()));
  }
}

function takenFact(listener: string, items: readonly true[]): Fact {
  return { family: takenListeners as Family<unknown>, bucket: listener, publisher: "envoys", items };
}
