import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 24 * 60 * 60 * 1000;

/** A certificate and its private key, both PEM. */
export interface KeyPairPem {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate is for. */
export interface CertificateWish {
  /** `CN=…, O=…` */
  readonly subject: string;
  readonly use: "server" | "client";
  readonly dnsNames?: readonly string[];
  readonly ips?: readonly string[];
}

/** A certificate authority that lives for one test run. */
export interface Authority {
  readonly certificate: string;
  issue(wish: CertificateWish): Promise<KeyPairPem>;
  /** An authority under it, which may sign leaves. */
  issueAuthority(name: string): Promise<KeyPairPem>;
}

/** Makes a certificate authority; nothing is written to disk. */
export async function createAuthority(name: string): Promise<Authority> {
  const keys = await generateKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    ...validity(),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true), await subjectKeyId(keys.publicKey)],
  });
  return {
    certificate: root.toString("pem"),
    issue: (wish) => sign(root, keys.privateKey, wish.subject, extensions(wish)),
    issueAuthority: (below) => sign(root, keys.privateKey, `CN=${below}`, [new x509.BasicConstraintsExtension(true, 0, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)]),
  };
}

async function sign(root: x509.X509Certificate, signingKey: CryptoKey, subject: string, own: readonly x509.Extension[]): Promise<KeyPairPem> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: root.subject,
    ...validity(),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [...own, await subjectKeyId(keys.publicKey), await x509.AuthorityKeyIdentifierExtension.create(root, false, webcrypto)],
  });
  return { certificate: certificate.toString("pem"), key: await privateKeyPem(keys.privateKey) };
}

function extensions(wish: CertificateWish): readonly x509.Extension[] {
  const use = wish.use === "server" ? "serverAuth" : "clientAuth";
  const names: x509.JsonGeneralNames = [
    ...(wish.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(wish.ips ?? []).map((value) => ({ type: "ip" as const, value })),
  ];
  return [
    new x509.BasicConstraintsExtension(false),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[use]]),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
  ];
}

function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - dayMs), notAfter: new Date(now + 365 * dayMs) };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function subjectKeyId(key: CryptoKey): Promise<x509.Extension> {
  return await x509.SubjectKeyIdentifierExtension.create(key, false, webcrypto);
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

/** A bare key pair (PEM), as kube-apiserver wants one to sign ServiceAccount tokens. */
export function createSigningKey(): { readonly publicKey: string; readonly privateKey: string } {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "sec1", format: "pem" },
  });
}
