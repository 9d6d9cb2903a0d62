import { X509Certificate, createPrivateKey } from "node:crypto";
import { renewAt } from "#certs/authority";
import type { KeyPair } from "#certs/authority";

/** A Secret with the certificate of one side of the xDS connection, as far as it decides what becomes of it. */
export interface XdsSecret {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>>; readonly ownerReferences?: readonly unknown[] };
  /** Values are base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** What is to become of such a Secret. Times in milliseconds since 1970. */
export type XdsSecretFate =
  /** It is ours, and left alone until then. */
  | { readonly kind: "keep"; readonly until: number; readonly endsAt: number }
  /** It is ours, and its certificate is to be replaced. */
  | { readonly kind: "renew"; readonly endsAt: number }
  /** Somebody else keeps it valid, or nobody; `endsAt` is absent when there is no certificate in it. */
  | { readonly kind: "foreign"; readonly endsAt?: number };

/** The annotation by which cert-manager marks its Secrets. */
const certManagerAnnotation = "cert-manager.io/certificate-name";

/** Decides what becomes of a Secret. Ours is what our authority has signed and nobody else claims: no label could be trusted like that. */
export function xdsSecretFate(authority: KeyPair | undefined, { metadata, data = {} }: XdsSecret, now: number): XdsSecretFate {
  const decode = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  const certificate = decode("tls.crt");
  const leaf = certificateIn(certificate);
  if (leaf === undefined) return { kind: "foreign" };
  const endsAt = leaf.validToDate.getTime();
  const claimed = metadata.annotations?.[certManagerAnnotation] !== undefined || (metadata.ownerReferences ?? []).length > 0;
  if (authority === undefined || claimed || !signedBy(authority, leaf, decode("tls.key"), now)) return { kind: "foreign", endsAt };
  const until = renewAt(certificate, authority.certificate);
  return now < until ? { kind: "keep", until, endsAt } : { kind: "renew", endsAt };
}

function certificateIn(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** An authority that has ended vouches for nobody any more. */
function signedBy(authority: KeyPair, leaf: X509Certificate, key: string, now: number): boolean {
  try {
    const root = new X509Certificate(authority.certificate);
    return leaf.verify(root.publicKey) && leaf.checkPrivateKey(createPrivateKey(key)) && now < root.validToDate.getTime();
  } catch {
    return false;
  }
}
