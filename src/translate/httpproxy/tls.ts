import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { proxyError, proxyWarning } from "#conditions/http-proxy";
import type { ProblemReason } from "#conditions/http-proxy";
import type { ClientValidation, TlsTermination, TlsVersion } from "#model/listener";
import type { CertificateSecret } from "#model/secret";
import { hostsOf } from "#translate/httpproxy/hosts";
import { clientValidation } from "#translate/httpproxy/policies/client-validation";
import { hasError, namespaceOf } from "#translate/httpproxy/visit";
import type { Visit } from "#translate/httpproxy/visit";
import { authoritiesResolver, revocationsResolver } from "#translate/shared/authorities";
import { defaultNotDelegated, mayUseSecret, parseSecretName } from "#translate/shared/delegation";
import { certificateOf, certificateWarnings, secretExists } from "#translate/shared/secrets";

type VirtualHostSpec = NonNullable<HTTPProxy["spec"]["virtualhost"]>;
type TlsSpec = NonNullable<VirtualHostSpec["tls"]>;

const at = ["spec", "virtualhost", "tls"];

/** How a root ends TLS. `missing` names a Secret that is not there, for whoever can make one. */
export type ProxyTls =
  | { readonly kind: "none" }
  | { readonly kind: "passthrough" }
  | { readonly kind: "terminate"; readonly tls: TlsTermination; readonly certificate: CertificateSecret; readonly fallback?: { readonly tls: TlsTermination; readonly certificate: CertificateSecret } }
  | { readonly kind: "invalid"; readonly missing?: string };

/** Reads `virtualhost.tls`. With a mistake in it the whole host is not served: serving it otherwise could open what was to be closed. */
export function proxyTls(visit: Visit, proxy: HTTPProxy): ProxyTls {
  const spec = proxy.spec.virtualhost?.tls;
  if (spec === undefined) return { kind: "none" };
  const refuse = (reason: ProblemReason<"TLSError">, field: string | undefined, message: string): ProxyTls => {
    visit.report(proxy, proxyError("TLSError", reason, field === undefined ? at : [...at, field], message));
    return { kind: "invalid" };
  };
  const passthrough = spec.passthrough === true;
  const named = spec.secretName !== undefined && spec.secretName !== "";
  if (passthrough && named) return refuse("TLSConfigNotValid", undefined, "passthrough and secretName exclude each other; remove one of them");
  if (!passthrough && !named && (visit.settings.defaultCertificate === undefined || spec.issuer !== undefined)) return refuse("TLSConfigNotValid", undefined, "tls needs either a secretName or passthrough: true");
  if (passthrough && spec.clientValidation !== undefined) return refuse("TLSIncompatibleFeatures", "clientValidation", "with passthrough Envoy does not see the client's certificate; remove clientValidation or passthrough");
  if (passthrough && spec.enableFallbackCertificate === true) return refuse("TLSIncompatibleFeatures", "enableFallbackCertificate", "with passthrough no certificate is served here; remove enableFallbackCertificate or passthrough");
  if (visit.settings.fallbackCertificate !== undefined && hostsOf(proxy).has("*")) return refuse("TLSIncompatibleFeatures", undefined, 'this installation has a fallback certificate for clients whose host nobody has, and so no TLS for the host "*"; remove tls');
  return passthrough ? { kind: "passthrough" } : terminate(visit, proxy, spec, refuse);
}

type Refuse = (reason: ProblemReason<"TLSError">, field: string | undefined, message: string) => ProxyTls;

function terminate(visit: Visit, proxy: HTTPProxy, spec: TlsSpec, refuse: Refuse): ProxyTls {
  const own = proxy.metadata.namespace ?? "";
  const named = spec.secretName !== undefined && spec.secretName !== "";
  const reference = named ? parseSecretName(spec.secretName, own) : (visit.settings.defaultCertificate ?? parseSecretName("", own));
  const field = named ? "secretName" : undefined;
  const { namespace, name } = reference;
  if (!mayUseSecret(visit.read, own, namespace, name)) return refuse("DelegationNotPermitted", field, named ? `Secret ${JSON.stringify(`${namespace}/${name}`)} is not delegated to namespace ${JSON.stringify(own)}; its owner can do that with a TLSCertificateDelegation` : defaultNotDelegated(reference, own));
  const certificate = certificateOf(visit.read, namespace, name);
  if (!certificate.ok) {
    const exists = secretExists(visit.read, namespace, name);
    // What becomes of a certificate that is to be issued is told where it is ordered.
    if (exists || spec.issuer === undefined) refuse("SecretNotValid", field, certificate.error);
    // Nobody but the operator fills the default one.
    return exists || !named ? { kind: "invalid" } : { kind: "invalid", missing: `${namespace}/${name}` };
  }
  for (const { reason, message } of certificateWarnings(visit.read, certificate.value, hostsOf(proxy).keys())) visit.report(proxy, proxyWarning("TLSError", reason, field === undefined ? at : [...at, field], message));
  const versions = tlsVersions(visit, spec);
  if (versions === undefined) return refuse("TLSConfigNotValid", "minimumProtocolVersion", "the minimum TLS version is above the maximum; make minimumProtocolVersion at most maximumProtocolVersion (of this object and of the installation)");
  const conflict = spec.enableFallbackCertificate === true ? fallbackConflict(proxy) : undefined;
  if (conflict !== undefined) return refuse("TLSIncompatibleFeatures", "enableFallbackCertificate", `the fallback certificate would let clients around ${conflict}; remove one of them`);
  const validation = validateClients(visit, proxy, spec);
  if (validation === "invalid") return { kind: "invalid" };
  const tls: TlsTermination = { certificate: certificate.value.name, ...versions, ...(validation === undefined ? {} : { clientValidation: validation }) };
  if (spec.enableFallbackCertificate !== true) return { kind: "terminate", tls, certificate: certificate.value };
  return withFallback(visit, proxy, tls, certificate.value, refuse);
}

function tlsVersions(visit: Visit, spec: TlsSpec): { minimumVersion: TlsVersion; maximumVersion: TlsVersion } | undefined {
  const minimumVersion = spec.minimumProtocolVersion === "1.3" || visit.settings.minimumTlsVersion === "1.3" ? "1.3" : "1.2";
  const maximumVersion = spec.maximumProtocolVersion === "1.2" || visit.settings.maximumTlsVersion === "1.2" ? "1.2" : "1.3";
  return minimumVersion > maximumVersion ? undefined : { minimumVersion, maximumVersion };
}

function validateClients(visit: Visit, proxy: HTTPProxy, spec: TlsSpec): ClientValidation | "invalid" | undefined {
  if (spec.clientValidation === undefined) return undefined;
  const parsed = clientValidation(spec.clientValidation, [...at, "clientValidation"], { caCertificate: authoritiesResolver(visit.read, namespaceOf(proxy)), crl: revocationsResolver(visit.read, namespaceOf(proxy)) });
  const value = visit.take(proxy, parsed);
  return hasError(parsed.problems) || value === undefined ? "invalid" : value;
}

/** Clients without SNI would go around these guards (see Go Contour's advisory GHSA-g3xr-5w5j-w4q4), so they exclude the fallback. */
function fallbackConflict(proxy: HTTPProxy): string | undefined {
  const host = proxy.spec.virtualhost;
  if (host?.tls?.clientValidation !== undefined) return "clientValidation";
  if (host?.authorization !== undefined) return "authorization";
  return (host?.jwtProviders ?? []).length > 0 ? "jwtProviders" : undefined;
}

function withFallback(visit: Visit, proxy: HTTPProxy, tls: TlsTermination, certificate: CertificateSecret, refuse: Refuse): ProxyTls {
  const field = "enableFallbackCertificate";
  const reference = visit.settings.fallbackCertificate;
  if (reference === undefined) return refuse("FallbackNotPresent", field, "this installation has no fallback certificate; configure one (tls.fallback-certificate) or remove enableFallbackCertificate");
  const { namespace, name } = reference;
  if (!mayUseSecret(visit.read, proxy.metadata.namespace ?? "", namespace, name)) return refuse("FallbackNotDelegated", field, `the fallback certificate ${JSON.stringify(`${namespace}/${name}`)} is not delegated to namespace ${JSON.stringify(proxy.metadata.namespace)}`);
  const fallback = certificateOf(visit.read, namespace, name);
  if (!fallback.ok) return refuse("FallbackNotValid", field, fallback.error);
  // Clients ask it for no name, or for any.
  for (const { reason, message } of certificateWarnings(visit.read, fallback.value, [])) visit.report(proxy, proxyWarning("TLSError", reason, [...at, field], message));
  return { kind: "terminate", tls, certificate, fallback: { certificate: fallback.value, tls: { ...tls, certificate: fallback.value.name } } };
}
