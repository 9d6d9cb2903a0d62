import { family } from "#store/family";

/** An issuer by kind, namespace (empty for cluster-wide ones) and name: `ClusterCertificateIssuer//letsencrypt`. */
export type IssuerKey = string;

/** The issuer that an object names; `default` where it leaves the choice to the installation. */
export type IssuerWish = { readonly kind: "named"; readonly key: IssuerKey } | { readonly kind: "default" };

/** That an object wants a certificate in a Secret. */
export interface CertificateWish {
  readonly owner: { readonly kind: "HTTPProxy" | "Ingress" | "Gateway" | "ListenerSet"; readonly namespace: string; readonly name: string; readonly created: string };
  /** The field of the object that asks for it. */
  readonly field: string;
  readonly hosts: readonly string[];
  readonly issuer: IssuerWish;
  /** The fleet of the Envoys that serve the object. */
  readonly fleet: string;
}

/** A certificate to be kept valid in a Secret, after all who want it were heard. */
export interface CertificateRequest {
  readonly namespace: string;
  readonly name: string;
  readonly issuer: IssuerKey;
  readonly hosts: readonly string[];
  readonly fleets: readonly string[];
}

/** Who wants what in a Secret. Bucket: `namespace/name` of the Secret. */
export const certificateWishes = family<CertificateWish>("certificate-wish");

/** Whose wishes name a host. Bucket: the host. */
export const wishedHosts = family<Pick<CertificateWish, "owner">>("wished-host");

/** At most one item. Bucket: `namespace/name` of the Secret. */
export const certificateRequests = family<CertificateRequest>("certificate-request");

/** What is to be said about a certificate that is wanted. */
export interface CertificateNews {
  readonly reason: "CertificateRefused" | "CertificatePending" | "CertificateFailing";
  readonly message: string;
}

/** At most one item. Bucket: `namespace/name` of the Secret. */
export const certificateNews = family<CertificateNews>("certificate-news");
