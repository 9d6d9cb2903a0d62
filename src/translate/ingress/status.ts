import type { Rule } from "#store/family";
import { loadBalancerAddresses, ourIngresses, statuses } from "#translate/facts";

/** The status of every Ingress of our class: where clients find it. Ingress v1 has no conditions. */
export const ingressStatus: Rule = {
  name: "ingress-status",
  over: ourIngresses,
  derive(bucket, read, emit) {
    const ingress = read.one(ourIngresses, bucket);
    const addresses = read.all(loadBalancerAddresses, "");
    if (ingress === undefined) return;
    const { namespace = "", name, generation = 0 } = ingress.metadata;
    emit(statuses, `Ingress/${bucket}`, { kind: "Ingress", namespace, name, generation, status: { loadBalancer: { ingress: addresses } } });
  },
};
