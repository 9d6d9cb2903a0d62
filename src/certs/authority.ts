import "reflect-metadata";
import { X509Certificate as NodeCertificate, createPrivateKey, webcrypto } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints, id_ce_nameConstraints } from "@peculiar/asn1-x509";
import { AuthorityKeyIdentifierExtension, BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, Extension, KeyUsageFlags, KeyUsagesExtension, SubjectAlternativeNameExtension, SubjectKeyIdentifierExtension, X509Certificate, X509CertificateGenerator, cryptoProvider } from "@peculiar/x509";
import { exportKey, generateKeys, importSigner } from "#certs/keys";
import type { KeyType } from "#certs/keys";

cryptoProvider.set(webcrypto as unknown as Crypto);

const dayMs = 86_400_000;
const rootDays = 3650;
/** How long a certificate lives unless told. */
const leafDays = 365;
/** The share of its life that a certificate has left when it is replaced. */
const renewalShare = 1 / 3;

/** How much before its making a certificate begins, for clocks that are behind: a day, and less for one that hardly lives longer. */
function headStartMs(lifeMs: number): number {
  return Math.min(dayMs, lifeMs / 2);
}

/** A certificate with its key, as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Whom a certificate is for. */
export interface CertificateWish {
  readonly use: "server" | "client";
  readonly dnsName: string;
  /** Further names of the holder. */
  readonly otherDnsNames?: readonly string[];
  /** Tells apart holders with one DNS name. */
  readonly uri?: string;
  /** The subject, as a distinguished name; `CN=` and the DNS name unless told. */
  readonly subject?: string;
  readonly days?: number;
  readonly keyType?: KeyType;
}

/** Makes an authority by a distinguished name, for all names or for those in some domains. `now` is in milliseconds since 1970. */
export async function createAuthority(name: string, now: number, domains: readonly string[] = []): Promise<KeyPair> {
  const keys = await generateKeys("ECDSA-P256");
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + rootDays * dayMs),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(domains.length === 0 ? [] : [nameConstraints(domains)]),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await exportKey(keys.privateKey) };
}

/** A domain stands for itself and all names under it (RFC 5280, section 4.2.1.10). */
function nameConstraints(domains: readonly string[]): Extension {
  const subtrees = domains.map((domain) => new GeneralSubtree({ base: new GeneralName({ dNSName: domain }) }));
  return new Extension(id_ce_nameConstraints, true, AsnConvert.serialize(new NameConstraints({ permittedSubtrees: new GeneralSubtrees(subtrees) })));
}

/** Issues a certificate. */
export async function issueCertificate(authority: KeyPair, wish: CertificateWish, now: number): Promise<KeyPair> {
  const root = new X509Certificate(authority.certificate);
  const { keyType = "ECDSA-P256" } = wish;
  const [keys, signer] = [await generateKeys(keyType), await importSigner(authority.key)];
  const keyId = root.getExtension(SubjectKeyIdentifierExtension)?.keyId;
  // Certificates count whole seconds: so one that follows another lives exactly as long.
  const from = Math.floor(now / 1000) * 1000;
  const lifeMs = (wish.days ?? leafDays) * dayMs;
  const names = [...[wish.dnsName, ...(wish.otherDnsNames ?? [])].map((value) => ({ type: "dns" as const, value })), ...(wish.uri === undefined ? [] : [{ type: "url" as const, value: wish.uri }])];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: wish.subject ?? `CN=${wish.dnsName}`,
    issuer: root.subject,
    notBefore: new Date(from - headStartMs(lifeMs)),
    // None outlives who vouches for it.
    notAfter: new Date(Math.min(from + lifeMs, root.notAfter.getTime())),
    signingAlgorithm: signer.algorithm,
    publicKey: keys.publicKey,
    signingKey: signer.key,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | (keyType.startsWith("RSA") ? KeyUsageFlags.keyEncipherment : 0), true),
      ...(keyId === undefined ? [] : [new AuthorityKeyIdentifierExtension(keyId)]),
      new ExtendedKeyUsageExtension([wish.use === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
      // Critical where there is no name but this one (RFC 5280, section 4.2.1.6).
      new SubjectAlternativeNameExtension(names, wish.subject !== undefined),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await exportKey(keys.privateKey) };
}

/** Whether a certificate still serves: it is for whom it should be, of this authority, fits its key, and has time left. */
export function stillServes(authority: KeyPair, pair: KeyPair, wish: CertificateWish, now: number): boolean {
  try {
    const [leaf, root] = [new NodeCertificate(pair.certificate), new NodeCertificate(authority.certificate)];
    const names = (leaf.subjectAltName ?? "").split(", ");
    const named = names.includes(`DNS:${wish.dnsName}`) && (wish.uri === undefined || names.includes(`URI:${wish.uri}`));
    return named && leaf.verify(root.publicKey) && leaf.checkPrivateKey(createPrivateKey(pair.key)) && now < renewAt(pair.certificate, authority.certificate);
  } catch {
    // What cannot be read does not serve.
    return false;
  }
}

/** When a certificate (PEM) is to be replaced, in milliseconds since 1970: only at its end where its authority could give none that lives longer. */
export function renewAt(certificate: string, authority: string): number {
  const { validFromDate, validToDate } = new NodeCertificate(certificate);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return to >= endOf(authority) ? to : to - (to - from) * renewalShare;
}

/** When a certificate (PEM) ends, in milliseconds since 1970. */
export function endOf(certificate: string): number {
  return new NodeCertificate(certificate).validToDate.getTime();
}

/** For how many days a certificate (PEM) was made: what `days` was in its wish. */
export function lifeDays(certificate: string): number {
  const { validFromDate, validToDate } = new NodeCertificate(certificate);
  const ms = validToDate.getTime() - validFromDate.getTime();
  return Math.max(ms - dayMs, (ms * 2) / 3) / dayMs;
}

function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString("hex");
}
