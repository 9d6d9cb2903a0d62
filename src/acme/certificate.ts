import "reflect-metadata";
import { X509Certificate as NodeCertificate, createHash, generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { AuthorityKeyIdentifierExtension, X509Certificate } from "@peculiar/x509";
import type { KeyType } from "#certs/keys";

/** What is to be known of a certificate that we keep valid. Times in milliseconds since 1970. */
export interface HeldCertificate {
  readonly hosts: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
  readonly fingerprint: string;
}

/** Reads the first certificate of a chain (PEM); undefined for what is none. */
export function readCertificate(chain: string): HeldCertificate | undefined {
  try {
    const leaf = new NodeCertificate(chain);
    const hosts = (leaf.subjectAltName ?? "").split(", ").flatMap((name) => (name.startsWith("DNS:") ? [name.slice(4).toLowerCase()] : []));
    return { hosts: hosts.toSorted(), notBefore: leaf.validFromDate.getTime(), notAfter: leaf.validToDate.getTime(), fingerprint: leaf.fingerprint256 };
  } catch {
    return undefined;
  }
}

/** How renewal hints name a certificate: its authority's key and its number (RFC 9773, section 4.1). Undefined where its authority is not named. */
export function renewalId(chain: string): string | undefined {
  const leaf = new X509Certificate(chain);
  const keyId = leaf.getExtension(AuthorityKeyIdentifierExtension)?.keyId;
  if (keyId === undefined) return undefined;
  // As DER has it: a number whose first bit is set begins with a zero byte.
  const serial = leaf.serialNumber.length % 2 === 0 ? leaf.serialNumber : `0${leaf.serialNumber}`;
  const bytes = Buffer.from(Number.parseInt(serial.slice(0, 2), 16) >= 0x80 ? `00${serial}` : serial, "hex");
  return `${Buffer.from(keyId, "hex").toString("base64url")}.${bytes.toString("base64url")}`;
}

const generate = promisify(generateKeyPair);

/** Makes a private key (PKCS #8, PEM). */
export async function createPrivateKey(type: KeyType): Promise<string> {
  const form = { publicKeyEncoding: { type: "spki", format: "pem" }, privateKeyEncoding: { type: "pkcs8", format: "pem" } } as const;
  switch (type) {
    case "ECDSA-P256":
      return (await generate("ec", { namedCurve: "P-256", ...form })).privateKey;
    case "ECDSA-P384":
      return (await generate("ec", { namedCurve: "P-384", ...form })).privateKey;
    case "RSA-2048":
      return (await generate("rsa", { modulusLength: 2048, ...form })).privateKey;
    case "RSA-4096":
      return (await generate("rsa", { modulusLength: 4096, ...form })).privateKey;
  }
}

/** The request that an authority signs. */
export async function createSigningRequest(hosts: readonly string[], privateKey: string): Promise<Uint8Array> {
  const { default: acme } = await import("acme-client");
  const [, csr] = await acme.crypto.createCsr({ altNames: [...hosts] }, privateKey);
  return csr;
}

/** The certificate that answers a TLS-ALPN-01 challenge (RFC 8737, section 3), with its key. */
export async function createChallengeCertificate(host: string, keyAuthorization: string): Promise<{ readonly certificate: string; readonly key: string; readonly expiresAt: number }> {
  const { default: acme } = await import("acme-client");
  const [key, certificate] = await acme.crypto.createAlpnCertificate({ identifier: { type: "dns", value: host } } as Parameters<typeof acme.crypto.createAlpnCertificate>[0], keyAuthorization);
  return { certificate: certificate.toString(), key: key.toString(), expiresAt: new NodeCertificate(certificate).validToDate.getTime() };
}

/** The name of the Secret that keeps what is known of an order: made of whom the certificate is for. */
export function orderSecretName(namespace: string, name: string): string {
  return `acme-order-${createHash("sha256").update(`${namespace}/${name}`).digest("hex").slice(0, 24)}`;
}
