import type { Reader } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects } from "#translate/facts";
import { hasDefaultIssuer, issuerKey } from "#translate/certificates/issuers";
import type { IssuerWish } from "#translate/certificates/request";

/** Whether the cluster has cert-manager, which then keeps what asks for it in its own words. One bucket, "". Put in by the composition root. */
export const certManagerServed = family<true>("cert-manager");

/** Names an issuer of the object's namespace, and a cluster-wide one. */
const ours = { "projectcontour.io/issuer": "CertificateIssuer", "projectcontour.io/cluster-issuer": "ClusterCertificateIssuer" } as const;
/** The same in cert-manager's words. */
const theirs = { "cert-manager.io/issuer": "CertificateIssuer", "cert-manager.io/cluster-issuer": "ClusterCertificateIssuer" } as const;

/** An issuer that is asked for, and by which annotation. */
export interface AnnotatedIssuer {
  readonly annotation: string;
  readonly issuer: IssuerWish;
}

/**
 * The issuer that annotations ask for. cert-manager's words, and `kubernetes.io/tls-acme`, which it understands, too, count only where it is not
 * installed, and where there is an issuer that they can mean: manifests that were written for it do no harm.
 */
export function issuerOfAnnotations(read: Reader, namespace: string, annotations: Readonly<Record<string, string>> = {}): AnnotatedIssuer | undefined {
  for (const [annotation, kind] of Object.entries(ours)) {
    const name = annotations[annotation];
    if (name !== undefined && name !== "") return { annotation, issuer: { kind: "named", key: issuerKey(kind, namespace, name) } };
  }
  if (read.any(certManagerServed, "")) return undefined;
  for (const [annotation, kind] of Object.entries(theirs)) {
    const name = annotations[annotation];
    if (name !== undefined && read.any(objects(kind), objectKey(kind === "CertificateIssuer" ? namespace : "", name))) return { annotation, issuer: { kind: "named", key: issuerKey(kind, namespace, name) } };
  }
  const annotation = "kubernetes.io/tls-acme";
  return annotations[annotation] === "true" && hasDefaultIssuer(read) ? { annotation, issuer: { kind: "default" } } : undefined;
}
