import { proxyError, proxyWarning } from "#conditions/http-proxy";
import type { FieldPath } from "#k8s/object";
import type { UpstreamValidation } from "#model/cluster";
import type { PemResolver } from "#translate/shared/authorities";
import type { ServiceSpec } from "#translate/httpproxy/services";
import type { Parsed } from "#translate/shared/parsed";

/** Reads a service's validation: which certificate the backend must have. */
export function upstreamValidation(spec: NonNullable<ServiceSpec["validation"]>, at: FieldPath, resolve: PemResolver): Parsed<UpstreamValidation> {
  const found = resolve(spec.caSecret);
  if (found.kind === "not-delegated") return { problems: [proxyError("TLSError", "CACertificateNotDelegated", [...at, "caSecret"], found.message)] };
  if (found.kind !== "ok") return { problems: [proxyError("ServiceError", "TLSUpstreamValidation", [...at, "caSecret"], found.message)] };
  const subjectNames = spec.subjectNames ?? [spec.subjectName];
  if (subjectNames.some((name) => name === "")) return { problems: [proxyError("ServiceError", "TLSUpstreamValidation", [...at, "subjectName"], "name the host that must be in the backend's certificate")] };
  if (spec.subjectNames !== undefined && spec.subjectNames[0] !== spec.subjectName) return { problems: [proxyError("ServiceError", "TLSUpstreamValidation", [...at, "subjectNames"], "the first of subjectNames must be the same as subjectName")] };
  return { problems: found.warnings.map(({ message }) => proxyWarning("ServiceError", "TLSUpstreamValidation", [...at, "caSecret"], message)), value: { caCertificates: found.pem, subjectNames } };
}
