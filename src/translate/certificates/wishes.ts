import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { commonFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { hostClaims, objectKey, ourIngresses, ourProxies } from "#translate/facts";
import { issuerOfAnnotations } from "#translate/certificates/annotations";
import { issuerKey } from "#translate/certificates/issuers";
import { certificateWishes, wishedHosts } from "#translate/certificates/request";
import type { CertificateWish } from "#translate/certificates/request";
import { gatewaySites } from "#translate/gateway/site";
import { hostsOf } from "#translate/httpproxy/hosts";
import { parseSecretName } from "#translate/shared/delegation";

/** Files a wish under its Secret and its hosts. */
export function emitWish(emit: Emit, secret: { readonly namespace: string; readonly name: string }, wish: CertificateWish): void {
  emit(certificateWishes, objectKey(secret.namespace, secret.name), wish);
  for (const host of wish.hosts) emit(wishedHosts, host, { owner: wish.owner });
}

/** HTTPProxies that name an issuer (`virtualhost.tls.issuer`). */
export function proxyWishes(settings: Settings): Rule {
  return {
  name: "certificate-wish-httpproxy",
  over: ourProxies,
  derive(bucket, read, emit) {
    const proxy: HTTPProxy | undefined = read.one(ourProxies, bucket);
    const tls = proxy?.spec.virtualhost?.tls;
    if (proxy === undefined || tls?.issuer === undefined || tls.secretName === undefined || tls.secretName === "") return;
    const { namespace = "", name, creationTimestamp: created = "" } = proxy.metadata;
    const hosts = [...hostsOf(proxy).keys()];
    // Roots that may not be roots claim nothing.
    if (!hosts.every((host) => read.all(hostClaims, host).some((claim) => claim.kind === "HTTPProxy" && claim.namespace === namespace && claim.name === name))) return;
    const { kind = "ClusterCertificateIssuer", name: issuer } = tls.issuer;
    emitWish(emit, parseSecretName(tls.secretName, namespace), { owner: { kind: "HTTPProxy", namespace, name, created }, field: "spec.virtualhost.tls.issuer", hosts, issuer: { kind: "named", key: issuerKey(kind, namespace, issuer) }, fleet: ingressFleet(read, settings) });
  },
  };
}

/** The Envoys of Ingresses and HTTPProxies, as far as it is known before routes are attached. */
export function ingressFleet(read: Reader, { gatewayRef }: Settings): FleetName {
  return gatewayRef === undefined ? commonFleet : (read.one(gatewaySites, objectKey(gatewayRef.namespace, gatewayRef.name))?.fleet ?? commonFleet);
}

/** Ingresses whose annotations name an issuer, for each Secret of `spec.tls`. */
export function ingressWishes(settings: Settings): Rule {
  return {
    name: "certificate-wish-ingress",
    over: ourIngresses,
    derive(bucket, read, emit) {
      const ingress = read.one(ourIngresses, bucket);
      const { namespace = "", name = "", creationTimestamp: created = "", annotations } = ingress?.metadata ?? {};
      const asked = issuerOfAnnotations(read, namespace, annotations);
      if (asked === undefined) return;
      for (const { hosts = [], secretName = "" } of ingress?.spec?.tls ?? []) {
        if (secretName === "" || hosts.length === 0) continue;
        emitWish(emit, { namespace, name: secretName }, { owner: { kind: "Ingress", namespace, name, created }, field: `metadata.annotations[${JSON.stringify(asked.annotation)}]`, hosts: hosts.map((host) => host.toLowerCase()), issuer: asked.issuer, fleet: ingressFleet(read, settings) });
      }
    },
  };
}
