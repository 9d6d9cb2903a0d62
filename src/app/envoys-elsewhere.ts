import type { Controller } from "#app/controller";
import { commonFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import { envoyName } from "#provision/names";
import { objectKey, slicesOfService } from "#translate/facts";
import { fleetPlans } from "#translate/gateway/fleet-plan";

/** What looking for Envoys at other replicas needs. */
export interface EnvoysElsewhereOptions {
  readonly controller: Pick<Controller, "pipeline" | "fleetNames" | "setServedElsewhere">;
  /** The Service of the common Envoys. */
  readonly envoyService: () => { readonly namespace: string; readonly name: string };
  /** Whether an Envoy of a fleet is connected to this replica. */
  readonly connected: (fleet: FleetName) => boolean;
}

/**
 * Envoys connect to one replica, and another one may write the statuses: it hears of no acknowledgement then. That Envoys of a fleet serve is
 * known all the same, because Kubernetes finds them ready: Envoy's `/ready` waits for its first listeners.
 */
export class EnvoysElsewhere {
  readonly #options: EnvoysElsewhereOptions;

  constructor(options: EnvoysElsewhereOptions) {
    this.#options = options;
  }

  /** Looks again, for each fleet. */
  look(): void {
    const { controller, connected } = this.#options;
    for (const fleet of controller.fleetNames()) controller.setServedElsewhere(fleet, !connected(fleet) && this.#ready(fleet));
  }

  #ready(fleet: FleetName): boolean {
    const service = this.#serviceOf(fleet);
    const slices = service === undefined ? [] : this.#options.controller.pipeline.graph.items(slicesOfService, service);
    return slices.some(({ endpoints }) => (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false));
  }

  #serviceOf(fleet: FleetName): string | undefined {
    const { controller, envoyService } = this.#options;
    const { namespace, name } = envoyService();
    if (fleet === commonFleet) return objectKey(namespace, name);
    const [plan] = controller.pipeline.graph.items(fleetPlans, fleet);
    return plan === undefined || plan === "keep" ? undefined : objectKey(plan.namespace, envoyName(plan.name));
  }
}
