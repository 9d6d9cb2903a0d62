import { CertificateExpiry } from "#app/certificate-expiry";
import { redactText } from "#app/debug/redact";
import { envoyWideResources } from "#app/envoy-wide";
import { OnDemandCertificates } from "#app/on-demand-certificates";
import { Passes } from "#app/passes";
import type { Pass, Slices } from "#app/passes";
import { Pipeline } from "#app/pipeline";
import type { PipelineChange } from "#app/pipeline";
import { Refusals } from "#app/refusals";
import { SecretMemory } from "#app/secret-memory";
import { fleetEnvoySettings, fleetListeners, resources } from "#app/resources";
import type { ResourceKind } from "#app/resources";
import { alikeKey, undecidedForms, unnamedBefore, unnamedBeforeFact } from "#app/tls-shape";
import { feedStores, nameInXds, typeOf } from "#app/xds-feed";
import { scopeOf } from "#envoy/scope";
import { commonFleet, inFleet, splitFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { EnvoySettings } from "#settings/envoy";
import type { Settings } from "#settings/settings";
import type { ObjectEvent, ObjectSink } from "#store/event";
import type { Family } from "#store/family";
import type { Fact } from "#store/graph";
import { certManagerServed } from "#translate/certificates/annotations";
import { issuerProblems } from "#translate/certificates/issuers";
import { fetchedStaples, loadBalancerAddresses, servedElsewhere, standardApi, takenListeners } from "#translate/facts";
import type { Ack, Nack } from "#xds/context";
import { bytesOf, versionOf } from "#xds/resource";
import { createResourceStore } from "#xds/store";
import type { ResourceStore } from "#xds/store";
import { endpointsType, listenerType, scopeType, secretType } from "#xds/types";
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
  /** How work that takes long leaves room for everything else; absent leaves none: then every change is through when a method returns. */
  readonly slices?: Slices;
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
  readonly #elsewhere = new Set<FleetName>();
  readonly #options: ControllerOptions;
  readonly #expiry = new CertificateExpiry();
  readonly #secrets = new SecretMemory();
  readonly #refusals: Refusals;
  /** What each fleet has whatever objects there are. */
  readonly #wide = new Map<FleetName, readonly ResourceKey[]>();
  readonly #passes: Passes;
  #early: ObjectEvent[] | undefined = [];
  #preparing: Generator<void> | undefined;
  /** Whether the pass under way goes over to other settings. */
  #reconfigured = false;
  /** Changes of objects that came while a pass was under way. */
  #late: { readonly events: ObjectEvent[]; readonly at: number } | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.pipeline = new Pipeline(options.settings, options.envoySettings);
    this.#refusals = new Refusals(this.pipeline.graph, (fleet) => this.fleet(fleet));
    const { slices, stopwatch = () => performance.now() } = options;
    this.#passes = new Passes({ slices, stopwatch, work: (isOver) => this.pipeline.work(isOver) && (isOver === undefined || this.#prepare(isOver)), finish: (pass) => this.#publish(pass, stopwatch) });
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
    if (!this.#passes.busy) return this.#take(events, at);
    const { hurried = [], others = [] } = Object.groupBy(events, (event) => (this.#passes.open && kindOfEvent(event) === "EndpointSlice" ? "hurried" : "others"));
    if (hurried.length > 0) this.#hurry(hurried, at);
    if (others.length > 0) this.#later(others, at);
  }

  #take(events: readonly ObjectEvent[], at: number): void {
    this.#passes.begin(() => this.pipeline.take([...this.#secrets.before(events, at), ...this.pipeline.factsOf(events)]), at);
  }

  /** What comes during a pass waits together. */
  #later(events: readonly ObjectEvent[], at: number): void {
    if (this.#late !== undefined) return void this.#late.events.push(...events);
    const late = { events: [...events], at };
    this.#late = late;
    this.#passes.whenIdle(() => {
      this.#late = undefined;
      this.#take(late.events, late.at);
    });
  }

  /**
   * Endpoints change all the time and wait for nothing else. What Envoys know already is told at once; new names, and those that are gone,
   * belong to clusters and come with them.
   */
  #hurry(events: readonly ObjectEvent[], at: number): void {
    const changed = [...this.pipeline.hurry(this.pipeline.factsOf(events))].filter(([qualified, bytes]) => {
      const { fleet, name } = splitFleet(qualified);
      return bytes !== undefined && this.#stores.get(fleet)?.newest(endpointsType, name) !== undefined;
    });
    if (changed.length > 0) feedStores((fleet) => this.fleet(fleet), { resources: new Map([["eds", new Map(changed)]]), endpoints: [] }, this.pipeline.graph, at);
  }

  /** Resolves when all that has been told so far, and what came meanwhile, is through. */
  get idle(): Promise<void> {
    return this.#passes.idle;
  }

  /** All objects are known: translates them, and from now on every change at once. */
  open(): void {
    const events = this.#early ?? [];
    this.#early = undefined;
    this.apply(events);
  }

  /** Goes over to other settings: Envoys get what differs, and keep their connections. */
  configure(settings: Settings, envoySettings: EnvoySettings): void {
    const at = this.#options.clock();
    this.#passes.whenIdle(() => {
      this.#reconfigured = true;
      this.#passes.begin(() => this.pipeline.takeSettings(settings, envoySettings), at);
    });
  }

  /** Where clients reach the Envoys of a fleet, for the status of Ingresses, HTTPProxies and Gateways. */
  setAddresses(addresses: readonly LoadBalancerAddress[], fleet: FleetName = commonFleet): void {
    this.#commit([{ family: loadBalancerAddresses as Family<unknown>, bucket: fleet, publisher: "addresses", items: addresses }]);
  }

  /** What a responder answered about the certificate in a Secret (`namespace/name`). */
  setStaple(secret: string, staple: Uint8Array | undefined): void {
    this.#commit([{ family: fetchedStaples as Family<unknown>, bucket: secret, publisher: "responder", items: staple === undefined ? [] : [staple] }]);
  }

  /** Whether the CRDs of Gateway API are the standard ones. */
  setStandardApi(standard: boolean): void {
    this.#commit([{ family: standardApi as Family<unknown>, bucket: "", publisher: "discovery", items: standard ? [true] : [] }]);
  }

  /** The fleets that have resources, or had Envoys. */
  fleetNames(): Iterable<FleetName> {
    return [...this.#stores.keys()];
  }

  /** Whether Envoys of a fleet serve that are connected to other replicas, and none of them to this one. */
  setServedElsewhere(fleet: FleetName, served: boolean): void {
    if (served === this.#elsewhere.has(fleet)) return;
    if (served) this.#elsewhere.add(fleet);
    else this.#elsewhere.delete(fleet);
    this.#commit([{ family: servedElsewhere as Family<unknown>, bucket: fleet, publisher: "replicas", items: served ? [true] : [] }]);
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
    this.#passes.whenIdle(() => this.#commitAny(this.#refusals.refused(type, inFleet(fleet, this.ownName(type, name, fleet)), redactText(message))));
  }

  /** What a resource is called here that Envoys of a fleet know as `nameInXds`. */
  ownName(type: TypeUrl, nameInXds: string, fleet: FleetName): string {
    const scope = type === scopeType ? this.fleet(fleet).newest(type, nameInXds) : undefined;
    return (scope && scopeOf(bytesOf(scope))) ?? nameInXds;
  }

  /** Envoy took a version of a resource. */
  accepted({ type, name, version, fleet }: Pick<Ack, "type" | "name" | "version" | "fleet">): void {
    const qualified = inFleet(fleet, name);
    // Each resource is acknowledged by each Envoy, and next to none of that is news.
    if (type !== listenerType && !this.#refusals.knows(type, qualified)) return;
    this.#passes.whenIdle(() => this.#commitAny([...this.#refusals.taken(type, qualified, version), ...this.#took(type, qualified)]));
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

  /**
   * An Envoy has a listener from before: from another replica, or from before a restart. Where there are so many TLS hosts that its shape can be
   * either, it stays the one that Envoy has, and no connection is drained.
   */
  held({ name, version, fleet }: Pick<Ack, "name" | "version" | "fleet">): void {
    const { graph } = this.pipeline;
    const listener = inFleet(fleet, name);
    const undecided = graph.items(undecidedForms, listener).map((form) => alikeKey(listener, form)).filter((bucket) => graph.items(unnamedBefore, bucket).length === 0);
    if (undecided.length === 0 || this.#passes.busy || this.fleet(fleet).newest(listenerType, name)?.version === version) return;
    this.#passes.begin(() => {
      this.pipeline.take(undecided.map((bucket) => unnamedBeforeFact(bucket, true)));
      this.pipeline.work();
      const [bytes] = graph.items(resources.lds, listener);
      if (bytes === undefined || versionOf(bytes) !== version) this.pipeline.take(undecided.map((bucket) => unnamedBeforeFact(bucket, false)));
    }, this.#options.clock());
  }

  #unencodable(resource: string, reason: string | undefined): readonly Fact[] {
    const [kind = "cds", ...name] = resource.split(" ");
    return reason === undefined ? [] : this.#refusals.refused(typeOf[kind as ResourceKind], name.join(" "), redactText(`it cannot be encoded: ${reason}`));
  }

  #commitAny(facts: readonly Fact[]): void {
    if (facts.length > 0) this.#commit(facts);
  }

  #commit(facts: readonly Fact[]): void {
    const at = this.#options.clock();
    this.#passes.whenIdle(() => this.#passes.begin(() => this.pipeline.take(facts), at));
  }

  /** When each certificate ends that is served. */
  certificateEnds(): ReturnType<CertificateExpiry["ends"]> {
    return this.#expiry.ends();
  }

  /** Looks at the clock: certificates may have begun or ended. To be called from time to time. */
  tick(): void {
    this.#passes.whenIdle(() => this.#commitAny(this.#secrets.tick(this.#options.clock())));
  }

  /** What a pass has led to is made ready for Envoys in slices, too; then all of it can be told at once. */
  #prepare(isOver: () => boolean): boolean {
    this.#preparing ??= this.#unprepared();
    for (let next = this.#preparing.next(); next.done !== true; next = this.#preparing.next()) if (isOver()) return false;
    return true;
  }

  *#unprepared(): Generator<void> {
    for (const kind of Object.keys(resources) as ResourceKind[]) {
      for (const [qualified, [bytes]] of this.pipeline.graph.pending(resources[kind])) {
        const { fleet, name } = splitFleet(qualified);
        if (bytes !== undefined) yield this.fleet(fleet).prepare({ type: typeOf[kind], name: nameInXds(typeOf[kind], name), bytes });
      }
    }
  }

  /** Tells Envoys and whoever else wants to know what a pass led to; gives what follows from that. */
  #publish({ at, ms }: Pass, stopwatch: () => number): (() => void) | undefined {
    const started = stopwatch();
    this.#preparing = undefined;
    const change = this.pipeline.changes();
    const wide = this.#reconfigured ? this.#stores.keys() : new Set([...change.fleetEnvoySettings.keys(), ...change.fleetListeners.keys()]);
    this.#reconfigured = false;
    for (const onDemand of this.#onDemand.values()) onDemand.published();
    for (const fleet of wide) this.#applyWide(fleet, this.fleet(fleet));
    const count = feedStores((fleet) => this.fleet(fleet), change, this.pipeline.graph, at);
    this.#refreshCertificates(change);
    this.#options.onChange(change, { resources: count, translateMs: ms, feedMs: stopwatch() - started });
    const facts = this.#follow(change);
    return facts.length === 0 ? undefined : () => this.pipeline.take(facts);
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

  #follow(change: PipelineChange): readonly Fact[] {
    const unencodable = [...change.unencodable].flatMap(([resource, [reason]]) => this.#unencodable(resource, reason));
    this.#expiry.follow(change.certificates);
    return [...unencodable, ...this.#refusals.follow(change.parts), ...this.#untaken(change), ...[...change.unnamedHosts].map(([bucket, [isUnnamed = false]]) => unnamedBeforeFact(bucket, isUnnamed)), ...this.#secrets.follow(change.secrets, this.#options.clock())];
  }
}

function kindOfEvent(event: ObjectEvent): string {
  return event.type === "delete" ? event.ref.kind : event.object.kind;
}

function takenFact(listener: string, items: readonly true[]): Fact {
  return { family: takenListeners as Family<unknown>, bucket: listener, publisher: "envoys", items };
}
