import { inFleet } from "#model/fleet";
import type { SecretName } from "#model/secret";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { certificatesWanted, objectKey, objects } from "#translate/facts";
import { gatewaySites } from "#translate/gateway/site";
import { certificateOf } from "#translate/shared/secrets";

/** The certificate that Envoy shows to backends; absent where none is configured, or its Secret cannot be used. */
export function clientCertificateOf(read: Reader, { clientCertificate }: Settings): SecretName | undefined {
  if (clientCertificate === undefined) return undefined;
  const found = certificateOf(read, clientCertificate.namespace, clientCertificate.name);
  return found.ok ? found.value.name : undefined;
}

/** Keeps that certificate ready for all clusters. */
export function serveClientCertificate(settings: Settings): Rule {
  return {
    name: "client-certificate",
    over: objects("Secret"),
    derive(bucket, read, emit) {
      const { clientCertificate } = settings;
      if (clientCertificate === undefined || bucket !== objectKey(clientCertificate.namespace, clientCertificate.name)) return;
      const found = certificateOf(read, clientCertificate.namespace, clientCertificate.name);
      if (found.ok) emit(certificatesWanted, found.value.name, found.value);
    },
  };
}

/** Keeps it ready for Gateways with Envoys of their own: services that all of them call may want it. */
export function shareClientCertificate(settings: Settings): Rule {
  return {
    name: "client-certificate-of-fleet",
    over: gatewaySites,
    derive(bucket, read, emit) {
      const { clientCertificate } = settings;
      const site = read.one(gatewaySites, bucket);
      const found = clientCertificate === undefined || site === undefined ? undefined : certificateOf(read, clientCertificate.namespace, clientCertificate.name);
      if (site !== undefined && found?.ok === true) emit(certificatesWanted, inFleet(site.fleet, found.value.name), found.value);
    },
  };
}
