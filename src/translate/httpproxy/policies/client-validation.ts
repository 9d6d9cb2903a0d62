import { proxyError, proxyWarning } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import type { HTTPProxy } from "#gen/k8s/http-proxy";
import type { FieldPath } from "#k8s/object";
import type { ClientValidation } from "#model/listener";
import { authoritiesWithoutList } from "#translate/secrets/authorities";
import type { PemResolver } from "#translate/shared/authorities";
import type { Parsed } from "#translate/shared/parsed";

type Spec = NonNullable<NonNullable<NonNullable<HTTPProxy["spec"]["virtualhost"]>["tls"]>["clientValidation"]>;

/** Reads clientValidation: which client certificates a host accepts, and what of them is passed on. */
export function clientValidation(spec: Spec, at: FieldPath, resolve: { readonly caCertificate: PemResolver; readonly crl: PemResolver }): Parsed<ClientValidation> {
  const problems: HttpProxyProblem[] = [];
  const refuse = (field: string, message: string, reason: "ClientValidationInvalid" | "DelegationNotPermitted" = "ClientValidationInvalid"): void => void problems.push(proxyError("TLSError", reason, [...at, field], message));
  const follow = (field: "caSecret" | "crlSecret", reference: string | undefined, resolver: PemResolver): string | undefined => {
    if (reference === undefined || reference === "") return undefined;
    const found = resolver(reference);
    if (found.kind !== "ok") return void refuse(field, found.message, found.kind === "not-delegated" ? "DelegationNotPermitted" : "ClientValidationInvalid");
    for (const { reason, message } of found.warnings) problems.push(proxyWarning("TLSError", reason, [...at, field], message));
    return found.pem;
  };
  const skip = spec.skipClientCertValidation === true;
  const caCertificates = follow("caSecret", spec.caSecret, resolve.caCertificate);
  const crl = follow("crlSecret", spec.crlSecret, resolve.crl);
  const named = spec.caSecret !== undefined && spec.caSecret !== "";
  if (!skip && !named) refuse("caSecret", "name the Secret with the authorities to trust (key ca.crt), or set skipClientCertValidation");
  if (crl !== undefined && !named) refuse("crlSecret", "revocation lists need the authorities that signed them; add caSecret, or remove crlSecret");
  if (problems.some(({ severity }) => severity === "error")) return { problems };
  const onlyVerifyLeafCrl = spec.crlOnlyVerifyLeafCert ?? false;
  const without = crl === undefined || caCertificates === undefined ? [] : authoritiesWithoutList(caCertificates, crl);
  if (without.length > 0) problems.push(proxyWarning("TLSError", "RevocationListMissing", [...at, "crlSecret"], `there is no revocation list of ${without.join(", ")}, and no client passes whose certificate ${onlyVerifyLeafCrl ? "it issued" : "leads there"}; add its list`));
  const { subject = false, cert = false, chain = false, dns = false, uri = false } = spec.forwardClientCertificate ?? {};
  return {
    problems,
    value: {
      ...(caCertificates === undefined ? {} : { caCertificates }),
      ...(crl === undefined ? {} : { crl }),
      onlyVerifyLeafCrl,
      mode: spec.optionalClientCertificate === true ? (skip ? "request-without-verification" : "optional") : skip ? "request-without-verification" : "required",
      ...(spec.forwardClientCertificate === undefined ? {} : { forward: { subject, cert, chain, dns, uri } }),
    },
  };
}
