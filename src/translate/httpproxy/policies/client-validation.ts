import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import type { HTTPProxy } from "#gen/k8s/http-proxy";
import type { FieldPath } from "#k8s/object";
import type { ClientValidation } from "#model/listener";
import type { PemResolver } from "#translate/shared/authorities";
import type { Parsed } from "#translate/shared/parsed";

type Spec = NonNullable<NonNullable<NonNullable<HTTPProxy["spec"]["virtualhost"]>["tls"]>["clientValidation"]>;

/** Reads clientValidation: which client certificates a host accepts, and what of them is passed on. */
export function clientValidation(spec: Spec, at: FieldPath, resolve: { readonly caCertificate: PemResolver; readonly crl: PemResolver }): Parsed<ClientValidation> {
  const problems: HttpProxyProblem[] = [];
  const follow = (field: "caSecret" | "crlSecret", reference: string | undefined, resolver: PemResolver, key: string): string | undefined => {
    if (reference === undefined || reference === "") return undefined;
    const found = resolver(reference);
    if (found.kind === "ok") return found.pem;
    const what = { "not-found": "does not exist", invalid: `has no PEM data that can be used under ${JSON.stringify(key)}`, "not-delegated": "is not delegated to this namespace; its owner can do that with a TLSCertificateDelegation" }[found.kind];
    problems.push(proxyError("TLSError", found.kind === "not-delegated" ? "DelegationNotPermitted" : "ClientValidationInvalid", [...at, field], `Secret ${JSON.stringify(reference)} ${what}`));
    return undefined;
  };
  const skip = spec.skipClientCertValidation === true;
  const caCertificates = follow("caSecret", spec.caSecret, resolve.caCertificate, "ca.crt");
  const crl = follow("crlSecret", spec.crlSecret, resolve.crl, "crl.pem");
  if (!skip && (spec.caSecret === undefined || spec.caSecret === "")) problems.push(proxyError("TLSError", "ClientValidationInvalid", [...at, "caSecret"], "name the Secret with the authorities to trust (key ca.crt), or set skipClientCertValidation"));
  if (problems.length > 0) return { problems };
  const { subject = false, cert = false, chain = false, dns = false, uri = false } = spec.forwardClientCertificate ?? {};
  return {
    problems,
    value: {
      ...(caCertificates === undefined ? {} : { caCertificates }),
      ...(crl === undefined ? {} : { crl }),
      onlyVerifyLeafCrl: spec.crlOnlyVerifyLeafCert ?? false,
      mode: spec.optionalClientCertificate === true ? (skip ? "request-without-verification" : "optional") : skip ? "request-without-verification" : "required",
      ...(spec.forwardClientCertificate === undefined ? {} : { forward: { subject, cert, chain, dns, uri } }),
    },
  };
}
