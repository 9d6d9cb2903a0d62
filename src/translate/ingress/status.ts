import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { loadBalancerAddresses, ourIngresses, statuses } from "#translate/facts";
import { ingressSite } from "#translate/ingress-site";

/** The status of every Ingress of our class: where clients find it. Ingress v1 has no conditions. */
export function ingressStatus(settings: Settings): Rule {
  return {
    name: "ingress-status",
    over: ourIngresses,
    derive(bucket, read, emit) {
      const ingress = read.one(ourIngresses, bucket);
      if (ingress === undefined) return;
      const addresses = read.all(loadBalancerAddresses, ingressSite(read, settings).fleet);
      const { namespace = "", name, generation = 0 } = ingress.metadata;
      emit(statuses, `Ingress/${bucket}`, { kind: "Ingress", namespace, name, generation, status: { loadBalancer: { ingress: addresses } } });
    },
  };
}
