import type { Ingress } from "#gen/k8s/ingress";
import type { TlsTermination } from "#model/listener";
import type { CertificateSecret } from "#model/secret";
import type { SecretReference, Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { objectKey } from "#translate/facts";
import type { IngressProblem } from "#translate/facts";
import type { IngressAnnotations } from "#translate/ingress/annotations";
import { defaultNotDelegated, mayUseSecret } from "#translate/shared/delegation";
import { certificateOf, certificateWarnings, secretExists } from "#translate/shared/secrets";

/** How an Ingress ends TLS for one host: not at all, with a certificate, or with what is missing for it. */
export type IngressTls =
  | { readonly kind: "none" }
  | { readonly kind: "terminate"; readonly tls: TlsTermination; readonly certificate: CertificateSecret; readonly warnings: readonly IngressProblem[] }
  | { readonly kind: "invalid"; readonly problem: IngressProblem; readonly missing?: string };

/** Reads `spec.tls` for a host. Never for `*`: there is no name to choose the certificate by. */
export function ingressTls(read: Reader, settings: Settings, ingress: Ingress, host: string, annotations: IngressAnnotations): IngressTls {
  const entries = ingress.spec?.tls ?? [];
  const index = entries.findIndex((entry) => (entry.hosts ?? []).some((name) => name.toLowerCase() === host));
  const entry = entries[index];
  if (entry === undefined || host === "*") return { kind: "none" };
  const own = ingress.metadata.namespace ?? "";
  const field = `spec.tls[${index}].secretName`;
  if (entry.secretName === undefined || entry.secretName === "") {
    if (settings.defaultCertificate !== undefined) return withDefault(read, settings, settings.defaultCertificate, own, host, field, annotations);
    if (!settings.localCertificates) return { kind: "invalid", problem: { field, message: `host ${JSON.stringify(host)} is not served over TLS: there is no default certificate; name a Secret, or configure one (tls.default-certificate)` } };
    return withSecret(read, settings, { namespace: own, name: `${host.replace("*", "wildcard")}.local-ca` }, host, field, annotations);
  }
  const namespace = annotations.secretNamespace ?? own;
  if (!mayUseSecret(read, own, namespace, entry.secretName)) return { kind: "invalid", problem: { field, message: `Secret ${JSON.stringify(`${namespace}/${entry.secretName}`)} is not delegated to namespace ${JSON.stringify(own)}; its owner can do that with a TLSCertificateDelegation` } };
  return withSecret(read, settings, { namespace, name: entry.secretName }, host, field, annotations);
}

function withDefault(read: Reader, settings: Settings, reference: SecretReference, own: string, host: string, field: string, annotations: IngressAnnotations): IngressTls {
  if (!mayUseSecret(read, own, reference.namespace, reference.name)) return { kind: "invalid", problem: { field, message: defaultNotDelegated(reference, own) } };
  // Nobody but the operator fills it.
  const { missing: _, ...tls }: IngressTls & { readonly missing?: string } = withSecret(read, settings, reference, host, field, annotations);
  return tls;
}

function withSecret(read: Reader, settings: Settings, { namespace, name }: SecretReference, host: string, field: string, annotations: IngressAnnotations): IngressTls {
  const certificate = certificateOf(read, namespace, name);
  if (!certificate.ok) return { kind: "invalid", problem: { field, message: certificate.error }, ...(secretExists(read, namespace, name) ? {} : { missing: objectKey(namespace, name) }) };
  const minimumVersion = annotations.minimumTlsVersion === "1.3" || settings.minimumTlsVersion === "1.3" ? "1.3" : "1.2";
  const maximumVersion = annotations.maximumTlsVersion === "1.2" || settings.maximumTlsVersion === "1.2" ? "1.2" : "1.3";
  if (minimumVersion > maximumVersion) return { kind: "invalid", problem: { field: 'metadata.annotations["projectcontour.io/tls-minimum-protocol-version"]', message: "the minimum TLS version is above the maximum; lower it" } };
  const warnings = certificateWarnings(read, certificate.value, [host]).map(({ message }) => ({ severity: "warning" as const, field, message }));
  return { kind: "terminate", warnings, certificate: certificate.value, tls: { certificate: certificate.value.name, minimumVersion, maximumVersion } };
}
