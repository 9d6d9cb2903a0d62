import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { inFleet } from "#model/fleet";
import type { ClientValidation } from "#model/listener";
import type { CertificateSecret, SecretName } from "#model/secret";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { certificatesWanted } from "#translate/facts";
import { gatewayGroup, gateways } from "#translate/gateway/api";
import type { ApiReference, FrontendTls, Gateway } from "#translate/gateway/api";
import { configMapAuthorities } from "#translate/gateway/backend-tls";
import { mayRefer } from "#translate/gateway/reference-grants";
import { gatewaySite, ourGateway } from "#translate/gateway/site";
import { certificateOf, examinedAuthorities } from "#translate/shared/secrets";
import type { Settings } from "#settings/settings";

/** Why a certificate, or its authorities, cannot be used. */
export interface GatewayTlsProblem {
  readonly reason: "InvalidClientCertificateRef" | "RefNotPermitted";
  readonly message: string;
}

/** The certificate that a Gateway shows to backends, or why there is none. Bucket: `namespace/name` of the Gateway. */
export const backendCertificates = family<Result<CertificateSecret, GatewayTlsProblem>>("gateway-backend-certificate");

/** Finds the client certificates that Gateways show to backends (Gateway, `spec.tls.backend`). */
export function backendCertificateRule(settings: Settings): Rule {
  return {
    name: "gateway-backend-certificate",
    over: gateways,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      const reference = gateway?.spec.tls?.backend?.clientCertificateRef;
      if (gateway === undefined || reference === undefined) return;
      const certificate = findBackendCertificate(read, gateway, reference);
      emit(backendCertificates, bucket, certificate);
      if (certificate.ok) emit(certificatesWanted, inFleet(gatewaySite(read, settings, bucket, gateway).fleet, certificate.value.name), certificate.value);
    },
  };
}

function findBackendCertificate(read: Reader, gateway: Gateway, { group = "", kind = "Secret", namespace, name }: ApiReference): Result<CertificateSecret, GatewayTlsProblem> {
  const own = gateway.metadata.namespace ?? "";
  const at = "spec.tls.backend.clientCertificateRef";
  if (group !== "" || kind !== "Secret") return fail({ reason: "InvalidClientCertificateRef", message: `${at} must be a Secret of the core group, not ${JSON.stringify(`${group}/${kind}`)}` });
  if (!mayRefer(read, { group: gatewayGroup, kind: "Gateway", namespace: own }, { group, kind, namespace: namespace ?? own }, name)) {
    return fail({ reason: "RefNotPermitted", message: `${at}: no ReferenceGrant in namespace ${JSON.stringify(namespace)} lets Gateways of ${JSON.stringify(own)} use Secret ${JSON.stringify(name)}` });
  }
  const certificate = certificateOf(read, namespace ?? own, name);
  return certificate.ok ? ok(certificate.value) : fail({ reason: "InvalidClientCertificateRef", message: `${at}: ${certificate.error}` });
}

/** The name of the certificate that a Gateway shows to backends. */
export function backendCertificate(read: Reader, gateway: string): SecretName | undefined {
  const found = read.one(backendCertificates, gateway);
  return found?.ok === true ? found.value.name : undefined;
}

/** Why the clients of a listener cannot be checked. */
export interface FrontendProblem {
  readonly reason: "InvalidCACertificateRef" | "InvalidCACertificateKind" | "RefNotPermitted";
  readonly message: string;
}

/** What a Gateway asks of the clients of a port with HTTPS. */
export interface FrontendValidation {
  /** Absent when there is nothing to check against: then nobody may come in. */
  readonly client?: ClientValidation;
  /** The first reference that leads nowhere. */
  readonly problem?: FrontendProblem;
}

/** Reads what a Gateway says about the certificates of clients: of the port, else in general (Gateway, `spec.tls.frontend`). */
export function frontendValidation(read: Reader, gateway: Gateway, port: number): FrontendValidation | undefined {
  const { default: general, perPort = [] } = gateway.spec.tls?.frontend ?? {};
  const special = perPort.findIndex((entry) => entry.port === port);
  const validation = (special === -1 ? general : perPort[special]?.tls)?.validation;
  if (validation === undefined) return undefined;
  const at = special === -1 ? "spec.tls.frontend.default.validation" : `spec.tls.frontend.perPort[${special}].tls.validation`;
  const found = validation.caCertificateRefs.map((reference, i) => frontendAuthorities(read, gateway, reference, `${at}.caCertificateRefs[${i}]`));
  const pems = found.flatMap((one) => (one.ok ? [one.value] : []));
  const [problem] = found.flatMap((one) => (one.ok ? [] : [one.error]));
  const noted = problem === undefined ? {} : { problem };
  return pems.length === 0 ? noted : { ...noted, client: clientValidation(validation, pems.join("\n")) };
}

function clientValidation({ mode = "AllowValidOnly" }: NonNullable<FrontendTls["validation"]>, caCertificates: string): ClientValidation {
  return { caCertificates, onlyVerifyLeafCrl: false, mode: mode === "AllowInsecureFallback" ? "request-without-verification" : "required" };
}

function frontendAuthorities(read: Reader, gateway: Gateway, { group = "", kind = "ConfigMap", namespace, name }: ApiReference, at: string): Result<string, FrontendProblem> {
  const own = gateway.metadata.namespace ?? "";
  if (group !== "" || (kind !== "ConfigMap" && kind !== "Secret")) return fail({ reason: "InvalidCACertificateKind", message: `${at} must be a ConfigMap or a Secret of the core group, not ${JSON.stringify(`${group}/${kind}`)}` });
  if (!mayRefer(read, { group: gatewayGroup, kind: "Gateway", namespace: own }, { group, kind, namespace: namespace ?? own }, name)) {
    return fail({ reason: "RefNotPermitted", message: `${at}: no ReferenceGrant in namespace ${JSON.stringify(namespace)} lets Gateways of ${JSON.stringify(own)} use ${kind} ${JSON.stringify(name)}` });
  }
  const pem = kind === "ConfigMap" ? configMapAuthorities(read, namespace ?? own, name) : examinedAuthorities(read, namespace ?? own, name);
  return pem.ok ? ok(pem.value.pem) : fail({ reason: "InvalidCACertificateRef", message: `${at}: ${pem.error}` });
}

/** Whether some port of a Gateway lets clients in whose certificate does not fit: the specification wants that to be seen. */
export function allowsInsecureFallback({ spec }: Gateway): boolean {
  const { default: general, perPort = [] } = spec.tls?.frontend ?? {};
  return [general, ...perPort.map(({ tls }) => tls)].some((tls) => tls?.validation?.mode === "AllowInsecureFallback");
}
