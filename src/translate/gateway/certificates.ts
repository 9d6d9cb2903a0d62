import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Emit, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { missingCertificates, objectKey } from "#translate/facts";
import { certificateNews } from "#translate/certificates/request";
import { gatewayGroup, gateways, listenerSets } from "#translate/gateway/api";
import type { GatewayListener } from "#translate/gateway/api";
import { listenerUnits } from "#translate/gateway/gateway-shape";
import type { ListenerUnit, PortClaim } from "#translate/gateway/gateway-shape";
import { anyHost } from "#translate/gateway/hostnames";
import { hostKey } from "#translate/gateway/listener-names";
import { mayRefer } from "#translate/gateway/reference-grants";
import type { ServingCertificate } from "#translate/secrets/certificate";
import { certificateOf, secretExists } from "#translate/shared/secrets";

/** Why a listener has no certificate. */
export interface CertificateProblem {
  readonly reason: "InvalidCertificateRef" | "RefNotPermitted";
  readonly message: string;
}

/** What became of a listener's certificate reference. Bucket: the key of the listener. */
export const listenerCertificates = family<Result<ServingCertificate, CertificateProblem>>("gateway-listener-certificate");

/** Gateways that can serve a host, or all connections or datagrams of a port. Bucket: `hostKey`. */
export const tlsClaims = family<Omit<PortClaim, "transport" | "port">>("gateway-tls-claim");

/** Finds the certificate of each listener. Only who has one can claim a host: a broken Gateway is in nobody's way. */
export const gatewayCertificates: Rule = {
  name: "gateway-certificate",
  over: listenerUnits,
  derive(bucket, read, emit) {
    const unit = read.one(listenerUnits, bucket);
    if (unit === undefined || !unit.serves) return;
    const { shape, gateway, created } = unit;
    if (shape.transport === undefined || shape.transport === "http") return;
    const claim = (): void => emit(tlsClaims, hostKey(shape.envoyListener, shape.host), { gateway, created });
    if (shape.tls !== "terminate") return claim();
    const certificate = findCertificate(read, emit, unit);
    emit(listenerCertificates, bucket, certificate);
    if (certificate.ok) claim();
  },
};

/** What a listener says, in the spec of the object that owns it. */
function listenerSpec(read: Reader, { gateway, shape: { owner, position } }: ListenerUnit): GatewayListener | undefined {
  if (owner.kind === "Gateway") return read.one(gateways, gateway)?.spec.listeners[position];
  return read.one(listenerSets, objectKey(owner.namespace, owner.name))?.spec.listeners[position];
}

/** Finds the certificate that a listener's only certificate reference names. Notes Secrets that do not exist. */
function findCertificate(read: Reader, emit: Emit, unit: ListenerUnit): Result<ServingCertificate, CertificateProblem> {
  const { owner, host } = unit.shape;
  const [reference] = listenerSpec(read, unit)?.tls?.certificateRefs ?? [];
  if (reference === undefined) return fail({ reason: "InvalidCertificateRef", message: "tls.certificateRefs is empty; name a Secret" });
  const { group = "", kind = "Secret", namespace = owner.namespace, name } = reference;
  if (group !== "" || kind !== "Secret") return fail({ reason: "InvalidCertificateRef", message: `tls.certificateRefs[0] must be a Secret of the core group, not ${JSON.stringify(`${group}/${kind}`)}` });
  if (!mayRefer(read, { group: gatewayGroup, kind: owner.kind, namespace: owner.namespace }, { group, kind, namespace }, name)) {
    return fail({ reason: "RefNotPermitted", message: `no ReferenceGrant in namespace ${JSON.stringify(namespace)} lets ${owner.kind}s of ${JSON.stringify(owner.namespace)} use Secret ${JSON.stringify(name)}` });
  }
  const certificate = certificateOf(read, namespace, name);
  if (certificate.ok) return ok(certificate.value);
  if (!secretExists(read, namespace, name)) emit(missingCertificates, objectKey(namespace, name), host === anyHost ? "localhost" : host);
  const news = read.one(certificateNews, objectKey(namespace, name));
  return fail({ reason: "InvalidCertificateRef", message: news?.message ?? certificate.error });
}
