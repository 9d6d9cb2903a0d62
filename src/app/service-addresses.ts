import type { Controller, LoadBalancerAddress } from "#app/controller";
import type { Service } from "#gen/k8s/service";
import { refKey, refOf } from "#k8s/object";
import type { ObjectEvent } from "#store/event";

/** Where the addresses for statuses come from. */
export interface ServiceAddressOptions {
  readonly envoyService: { readonly namespace: string; readonly name: string };
  /** Addresses instead of those of Envoy's Service. */
  readonly statusAddresses?: readonly LoadBalancerAddress[];
}

/** The addresses of Envoy's Service, for statuses; those of the settings win. */
export class ServiceAddresses {
  readonly #options: ServiceAddressOptions;
  readonly #controller: Controller;
  #found: readonly LoadBalancerAddress[] = [];
  #open = false;

  constructor(options: ServiceAddressOptions, controller: Controller) {
    this.#options = options;
    this.#controller = controller;
  }

  follow(events: readonly ObjectEvent[]): void {
    const { namespace, name } = this.#options.envoyService;
    const wanted = refKey({ kind: "Service", namespace, name });
    for (const event of events) {
      if (refKey(event.type === "delete" ? event.ref : refOf(event.object)) !== wanted) continue;
      this.#found = event.type === "delete" ? [] : ((event.object as Service).status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ({ ...(ip === undefined ? {} : { ip }), ...(hostname === undefined ? {} : { hostname }) }));
      if (this.#open) this.publish();
    }
  }

  publish(): void {
    this.#open = true;
    this.#controller.setAddresses(this.#options.statusAddresses ?? this.#found);
  }
}
