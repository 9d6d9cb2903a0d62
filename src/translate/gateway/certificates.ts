import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { CertificateSecret } from "#model/secret";
import type { Emit, Reader } from "#store/family";
import { missingCertificates, objectKey } from "#translate/facts";
import { gatewayGroup } from "#translate/gateway/api";
import type { GatewayListener } from "#translate/gateway/api";
import { anyHost, normalHost } from "#translate/gateway/hostnames";
import { mayRefer } from "#translate/gateway/reference-grants";
import { certificateOf, secretExists } from "#translate/shared/secrets";

/** Why a listener has no certificate. */
export interface CertificateProblem {
  readonly reason: "InvalidCertificateRef" | "RefNotPermitted";
  readonly message: string;
}

/** Finds the certificate that a listener's only certificate reference names. Notes Secrets that do not exist. */
export function listenerCertificate(read: Reader, emit: Emit, gatewayNamespace: string, listener: GatewayListener): Result<CertificateSecret, CertificateProblem> {
  const [reference] = listener.tls?.certificateRefs ?? [];
  if (reference === undefined) return fail({ reason: "InvalidCertificateRef", message: "tls.certificateRefs is empty; name a Secret" });
  const { group = "", kind = "Secret", namespace = gatewayNamespace, name } = reference;
  if (group !== "" || kind !== "Secret") return fail({ reason: "InvalidCertificateRef", message: `tls.certificateRefs[0] must be a Secret of the core group, not ${JSON.stringify(`${group}/${kind}`)}` });
  if (!mayRefer(read, { group: gatewayGroup, kind: "Gateway", namespace: gatewayNamespace }, { group, kind, namespace }, name)) {
    return fail({ reason: "RefNotPermitted", message: `no ReferenceGrant in namespace ${JSON.stringify(namespace)} lets Gateways of ${JSON.stringify(gatewayNamespace)} use Secret ${JSON.stringify(name)}` });
  }
  const certificate = certificateOf(read, namespace, name);
  if (certificate.ok) return ok(certificate.value);
  const host = normalHost(listener.hostname);
  if (!secretExists(read, namespace, name)) emit(missingCertificates, objectKey(namespace, name), host === anyHost ? "localhost" : host);
  return fail({ reason: "InvalidCertificateRef", message: certificate.error });
}
