import { CertificateExpiry } from "#app/certificate-expiry";
import { envoyWideResources } from "#app/envoy-wide";
import { Pipeline } from "#app/pipeline";
import type { PipelineChange } from "#app/pipeline";
import { Refusals } from "#app/refusals";
import type { ResourceKind } from "#app/resources";
import { feedStore, typeOf } from "#app/xds-feed";
import type { EnvoySettings } from "#settings/envoy";
import type { Settings } from "#settings/settings";
import type { ObjectEvent, ObjectSink } from "#store/event";
import type { Family } from "#store/family";
import type { Fact } from "#store/graph";
import { loadBalancerAddresses } from "#translate/facts";
import { createResourceStore } from "#xds/store";
import type { ResourceStore } from "#xds/store";
import type { TypeUrl } from "#xds/types";

/** What a controller needs. */
export interface ControllerOptions {
  readonly settings: Settings;
  readonly envoySettings: EnvoySettings;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Hears of what each change led to, after Envoys were told. */
  readonly onChange: (change: PipelineChange, resources: number) => void;
}

/** An address of the load balancer in front of Envoy. */
export interface LoadBalancerAddress {
  readonly ip?: string;
  readonly hostname?: string;
}

/** Source → pipeline → Envoys. Holds everything back until `open`: the first configuration that an Envoy gets is complete. */
export class Controller implements ObjectSink {
  readonly pipeline: Pipeline;
  readonly store: ResourceStore = createResourceStore();
  readonly #options: ControllerOptions;
  readonly #expiry = new CertificateExpiry();
  readonly #refusals: Refusals;
  #early: ObjectEvent[] | undefined = [];

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.pipeline = new Pipeline(options.settings, options.envoySettings);
    this.#refusals = new Refusals(this.pipeline.graph, this.store);
    this.store.apply({ upserts: envoyWideResources(options.envoySettings), removals: [] });
  }

  /** Takes in changes of objects. */
  apply(events: readonly ObjectEvent[]): void {
    if (this.#early !== undefined) return void this.#early.push(...events);
    const at = this.#options.clock();
    this.#publish(this.pipeline.apply(events), at);
  }

  /** All objects are known: translates them, and from now on every change at once. */
  open(): void {
    const events = this.#early ?? [];
    this.#early = undefined;
    this.apply(events);
  }

  /** Where clients reach Envoy, for the status of Ingresses, HTTPProxies and Gateways. */
  setAddresses(addresses: readonly LoadBalancerAddress[]): void {
    this.#commit([{ family: loadBalancerAddresses as Family<unknown>, bucket: "", publisher: "addresses", items: addresses }]);
  }

  /** Envoy refused a resource: finds the part that it is, and tells the object that it came from. */
  rejected(type: TypeUrl, name: string, message: string): void {
    this.#commitAny(this.#refusals.refused(type, name, message));
  }

  /** Envoy took a version of a resource. */
  accepted(type: TypeUrl, name: string, version: string): void {
    this.#commitAny(this.#refusals.taken(type, name, version));
  }

  #encodes(resource: string, reason: string | undefined): void {
    const [kind = "cds", ...name] = resource.split(" ");
    if (reason !== undefined) this.#commitAny(this.#refusals.refused(typeOf[kind as ResourceKind], name.join(" "), `it cannot be encoded: ${reason}`));
  }

  #commitAny(facts: readonly Fact[]): void {
    if (facts.length > 0) this.#commit(facts);
  }

  #commit(facts: readonly Fact[]): void {
    this.#publish(this.pipeline.commit(facts), this.#options.clock());
  }

  /** Looks at the clock: certificates may have ended. To be called from time to time. */
  tick(): void {
    this.#commitAny(this.#expiry.tick(this.#options.clock()));
  }

  #publish(change: PipelineChange, at: number): void {
    this.#options.onChange(change, feedStore(this.store, change, at));
    for (const [resource, [reason]] of change.unencodable) this.#encodes(resource, reason);
    this.#commitAny(this.#refusals.follow(change.parts));
    this.#commitAny(this.#expiry.follow(change.certificates, this.#options.clock()));
  }
}
