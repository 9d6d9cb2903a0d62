import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { hostClaims, objects, ourIngresses } from "#translate/facts";
import { belowKey, claimsBelow } from "#translate/certificates/ownership";
import { isOurClass, namedClass } from "#translate/shared/ingress-class";

/** Takes in the Ingresses of our class and files them under the hosts of their rules; no host is `*`. */
export function indexIngresses(settings: Settings): Rule {
  return {
    name: "index-ingress",
    over: objects("Ingress"),
    derive(bucket, read, emit) {
      const ingress = read.one(objects("Ingress"), bucket);
      if (ingress === undefined || !isOurClass(read, settings, namedClass(ingress.metadata, ingress.spec?.ingressClassName))) return;
      emit(ourIngresses, bucket, ingress);
      const hosts = new Set((ingress.spec?.rules ?? []).map((rule) => (rule.host ?? "").toLowerCase() || "*"));
      if (ingress.spec?.defaultBackend !== undefined) hosts.add("*");
      const { namespace = "", name } = ingress.metadata;
      for (const host of hosts) {
        emit(hostClaims, host, { kind: "Ingress", namespace, name });
        emit(claimsBelow, belowKey(host, namespace), true);
      }
    },
  };
}
