import type { Controller, LoadBalancerAddress } from "#app/controller";
import { refKey, refOf } from "#k8s/object";
import type { ObjectEvent } from "#store/event";
import { objectKey, objects } from "#translate/facts";

/** Where the addresses for statuses come from. */
export interface ServiceAddressOptions {
  readonly envoyService: { readonly namespace: string; readonly name: string };
  /** Addresses instead of those of Envoy's Service. */
  readonly statusAddresses?: readonly LoadBalancerAddress[];
}

/** The addresses of Envoy's Service, for statuses; those of the settings win. */
export class ServiceAddresses {
  readonly #controller: Controller;
  #options: ServiceAddressOptions;
  #open = false;

  constructor(options: ServiceAddressOptions, controller: Controller) {
    this.#options = options;
    this.#controller = controller;
  }

  /** Goes over to another Service, or to other addresses. */
  configure(options: ServiceAddressOptions): void {
    this.#options = options;
    if (this.#open) this.publish();
  }

  /** Hears of changes after the controller did. */
  follow(events: readonly ObjectEvent[]): void {
    const { namespace, name } = this.#options.envoyService;
    const wanted = refKey({ kind: "Service", namespace, name });
    if (this.#open && events.some((event) => refKey(event.type === "delete" ? event.ref : refOf(event.object)) === wanted)) this.publish();
  }

  publish(): void {
    this.#open = true;
    this.#controller.setAddresses(this.#options.statusAddresses ?? this.#found());
  }

  #found(): readonly LoadBalancerAddress[] {
    const { namespace, name } = this.#options.envoyService;
    const [service] = this.#controller.pipeline.graph.items(objects("Service"), objectKey(namespace, name));
    return (service?.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ({ ...(ip === undefined ? {} : { ip }), ...(hostname === undefined ? {} : { hostname }) }));
  }
}
