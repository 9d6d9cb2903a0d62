import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { CertificateSecret } from "#model/secret";
import type { Emit, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { missingCertificates, objectKey } from "#translate/facts";
import { gatewayGroup, listenerSets } from "#translate/gateway/api";
import type { Gateway, GatewayListener } from "#translate/gateway/api";
import { gatewayShapes, servesTraffic } from "#translate/gateway/gateway-shape";
import type { PortClaim } from "#translate/gateway/gateway-shape";
import { anyHost, normalHost } from "#translate/gateway/hostnames";
import { hostKey } from "#translate/gateway/listener-names";
import type { ListenerShape } from "#translate/gateway/listener-shape";
import { mayRefer } from "#translate/gateway/reference-grants";
import { ourGateway } from "#translate/gateway/site";
import { certificateOf, secretExists } from "#translate/shared/secrets";

/** Why a listener has no certificate. */
export interface CertificateProblem {
  readonly reason: "InvalidCertificateRef" | "RefNotPermitted";
  readonly message: string;
}

/** What became of a listener's certificate reference. Bucket: the key of the listener. */
export const listenerCertificates = family<Result<CertificateSecret, CertificateProblem>>("gateway-listener-certificate");

/** Gateways that can serve a host, or all connections or datagrams of a port. Bucket: `hostKey`. */
export const tlsClaims = family<Omit<PortClaim, "transport" | "port">>("gateway-tls-claim");

/** What a listener says, in the spec of the object that owns it. */
export function listenerSpec(read: Reader, gateway: Gateway, { owner, position }: ListenerShape): GatewayListener | undefined {
  if (owner.kind === "Gateway") return gateway.spec.listeners[position];
  return read.one(listenerSets, objectKey(owner.namespace, owner.name))?.spec.listeners[position];
}

/** Finds the certificates of each Gateway. Only who has one can claim a host: a broken Gateway is in nobody's way. */
export const gatewayCertificates: Rule = {
  name: "gateway-certificate",
  over: gatewayShapes,
  derive(bucket, read, emit) {
    const [gateway, shape] = [ourGateway(read, bucket), read.one(gatewayShapes, bucket)];
    if (gateway === undefined || shape === undefined) return;
    for (const listener of shape.listeners) {
      const spec = listenerSpec(read, gateway, listener);
      if (listener.transport === undefined || listener.transport === "http" || spec === undefined || !servesTraffic(shape, listener)) continue;
      const claim = (): void => emit(tlsClaims, hostKey(listener.envoyListener, listener.host), { gateway: bucket, created: shape.created });
      if (listener.tls !== "terminate") {
        claim();
        continue;
      }
      const certificate = findCertificate(read, emit, listener, spec);
      emit(listenerCertificates, listener.key, certificate);
      if (certificate.ok) claim();
    }
  },
};

/** Finds the certificate that a listener's only certificate reference names. Notes Secrets that do not exist. */
function findCertificate(read: Reader, emit: Emit, { owner }: ListenerShape, listener: GatewayListener): Result<CertificateSecret, CertificateProblem> {
  const [reference] = listener.tls?.certificateRefs ?? [];
  if (reference === undefined) return fail({ reason: "InvalidCertificateRef", message: "tls.certificateRefs is empty; name a Secret" });
  const { group = "", kind = "Secret", namespace = owner.namespace, name } = reference;
  if (group !== "" || kind !== "Secret") return fail({ reason: "InvalidCertificateRef", message: `tls.certificateRefs[0] must be a Secret of the core group, not ${JSON.stringify(`${group}/${kind}`)}` });
  if (!mayRefer(read, { group: gatewayGroup, kind: owner.kind, namespace: owner.namespace }, { group, kind, namespace }, name)) {
    return fail({ reason: "RefNotPermitted", message: `no ReferenceGrant in namespace ${JSON.stringify(namespace)} lets ${owner.kind}s of ${JSON.stringify(owner.namespace)} use Secret ${JSON.stringify(name)}` });
  }
  const certificate = certificateOf(read, namespace, name);
  if (certificate.ok) return ok(certificate.value);
  const host = normalHost(listener.hostname);
  if (!secretExists(read, namespace, name)) emit(missingCertificates, objectKey(namespace, name), host === anyHost ? "localhost" : host);
  return fail({ reason: "InvalidCertificateRef", message: certificate.error });
}
