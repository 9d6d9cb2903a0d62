import { X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { CertificateWarning } from "#conditions/certificate";
import type { Secret } from "#gen/k8s/secret";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { Sensitive } from "#lib/sensitive";
import type { CertificateSecret } from "#model/secret";
import { objectKey } from "#translate/facts";
import { orderChain } from "#translate/secrets/chain";
import type { OrderedChain } from "#translate/secrets/chain";
import { readPrivateKeys } from "#translate/secrets/key";
import { refusedKeyKind } from "#translate/secrets/key-kind";
import { dnsNamesOf } from "#translate/secrets/names";
import { guessForm, readPem, writePem } from "#translate/secrets/pem";
import { readStaple, responderOf } from "#translate/secrets/staple";
import type { Staple } from "#translate/secrets/staple";
import { demandsStaple, signsNoHandshakes } from "#translate/secrets/uses";

/** A serving certificate, and what its users are told of it. */
export interface ServingCertificate extends CertificateSecret {
  /** From when it counts, in milliseconds since 1970. */
  readonly validFrom: number;
  /** The names that clients take it for, in lower case; some begin with `*.`. */
  readonly dnsNames: readonly string[];
  /** Until when the staple counts, in milliseconds since 1970. */
  readonly stapleUntil?: number;
}

/** What a responder can be asked about a certificate. */
export interface StapleQuestion {
  readonly responder: string;
  /** The certificate and its issuer's, DER. */
  readonly leaf: Uint8Array;
  readonly issuer: Uint8Array;
}

/** Where the staple of a certificate comes from: the Secret's own counts first. */
export interface StapleSources {
  readonly own: Uint8Array | undefined;
  readonly fetched: Uint8Array | undefined;
}

/** A certificate that could be read, and what a responder could be asked about it. */
export interface StapledCertificate {
  readonly certificate: Result<ExaminedCertificate, string>;
  readonly question: StapleQuestion | undefined;
}

/** A serving certificate that Envoy takes, and what is odd with it. */
export interface ExaminedCertificate {
  readonly certificate: ServingCertificate;
  readonly remarks: readonly CertificateWarning[];
}

/** More than any authority needs; who sends more would make every handshake slow. */
const longestChain = 32;

/**
 * Reads the serving certificate of a Secret and its key. What comes out is written anew from what was understood, so that
 * Envoy gets nothing that has not been read here. The error says what is wrong and what to do.
 */
export function examineStapled(secret: Secret, chain: string | undefined, key: string | undefined, staples: StapleSources): StapledCertificate {
  const pair = readPair(secret, chain, key);
  if (!pair.ok) return { certificate: pair, question: undefined };
  const { leaf, certificates } = pair.value;
  const ordered = orderChain(certificates, leaf);
  const staple = chooseStaple(staples, leaf, ordered.related[1]);
  const refused = refusal(leaf, staple);
  const [responder, issuer] = [responderOf(leaf), ordered.related[1]];
  return {
    certificate: refused === undefined ? ok(examined(secret, ordered, pair.value, staple)) : fail(`: ${refused}`),
    question: staples.own !== undefined || responder === undefined || issuer === undefined ? undefined : { responder, leaf: leaf.raw, issuer: issuer.raw },
  };
}

/** The same without any staple. */
export function examineCertificate(secret: Secret, chain: string | undefined, key: string | undefined): Result<ExaminedCertificate, string> {
  return examineStapled(secret, chain, key, { own: undefined, fetched: undefined }).certificate;
}

function readPair(secret: Secret, chain: string | undefined, key: string | undefined): Result<Pair, string> {
  if (secret.type !== "kubernetes.io/tls" && secret.type !== "Opaque" && secret.type !== undefined) return fail(`has type ${JSON.stringify(secret.type)}; use kubernetes.io/tls or Opaque`);
  if (chain === undefined || chain.trim() === "") return fail('has no certificate under "tls.crt"');
  if (key === undefined || key.trim() === "") return fail('has no private key under "tls.key"');
  const certificates = readCertificates(chain);
  if (!certificates.ok) return certificates;
  const keys = readPrivateKeys(key);
  if (!keys.ok) return fail(`: ${keys.error}`);
  const pair = findPair(certificates.value, keys.value);
  if (pair === undefined) return fail(`: the private key in "tls.key" does not belong to ${certificates.value.length === 1 ? "the certificate" : "any certificate"} in "tls.crt"; put both of the same request into the Secret`);
  return ok({ ...pair, certificates: certificates.value });
}

function readCertificates(text: string): Result<readonly X509Certificate[], string> {
  const { blocks, broken } = readPem(text);
  const found = blocks.filter(({ label }) => label === "CERTIFICATE" || label === "X509 CERTIFICATE");
  if (broken !== undefined) return fail(`: "tls.crt" is cut off or damaged in its block ${JSON.stringify(broken)}, number ${blocks.length + 1}; copy it anew`);
  if (found.length === 0) return fail(`: "tls.crt" has no PEM certificate: ${guessForm(text, blocks)}`);
  if (found.length > longestChain) return fail(`: "tls.crt" has ${found.length} certificates; leave the server's and those that lead to its authority, at most ${longestChain}`);
  const certificates = found.map(({ der }) => parseCertificate(der));
  const bad = certificates.indexOf(undefined);
  return bad === -1 ? ok(certificates.filter((certificate) => certificate !== undefined)) : fail(`: certificate ${bad + 1} of ${certificates.length} in "tls.crt" cannot be read; copy it anew`);
}

interface Pair {
  readonly certificates: readonly X509Certificate[];
  readonly leaf: X509Certificate;
  readonly key: KeyObject;
}

/** The first certificate that one of the keys belongs to. */
function findPair(certificates: readonly X509Certificate[], keys: readonly KeyObject[]): Omit<Pair, "certificates"> | undefined {
  for (const leaf of certificates) {
    const key = keys.find((one) => belongs(leaf, one));
    if (key !== undefined) return { leaf, key };
  }
  return undefined;
}

/** What Envoy would refuse, or no client could connect to. */
function refusal(leaf: X509Certificate, { staple, problem }: ChosenStaple): string | undefined {
  const kind = publicKeyOf(leaf);
  if (kind === undefined) return 'the public key of the certificate in "tls.crt" cannot be read; use RSA or ECDSA';
  const refused = refusedKeyKind(kind);
  if (refused !== undefined) return `the certificate in "tls.crt" has ${refused}; issue it for another key`;
  if (signsNoHandshakes(leaf)) return 'the certificate in "tls.crt" may not sign handshakes (its key usage lacks digitalSignature); issue it for a server';
  if (staple === undefined && demandsStaple(leaf)) return `the certificate in "tls.crt" demands an OCSP staple (must-staple), and ${problem?.message ?? "there is none; put one into \"tls.ocsp-staple\", have the controller fetch it (tls.ocsp-stapling), or issue the certificate without that demand"}`;
  const commonName = /(?:^|\n)CN=/.test(leaf.subject ?? "");
  return leaf.subjectAltName === undefined && !commonName ? "the certificate names no host (neither a subject alternative name nor a common name); issue it with a subject alternative name" : undefined;
}

interface ChosenStaple {
  readonly staple?: Staple;
  /** Why the Secret's own staple, or what the responder says, is not shown to clients. */
  readonly problem?: CertificateWarning;
}

/** A certificate that its issuer has revoked is served all the same: who asks will hear it, and the others are told by nobody. */
function chooseStaple({ own, fetched }: StapleSources, leaf: X509Certificate, issuer: X509Certificate | undefined): ChosenStaple {
  const der = own ?? fetched;
  if (der === undefined) return {};
  // What was fetched may be about the certificate from before.
  if (own === undefined && (issuer === undefined || !readStaple(der, leaf, issuer).ok)) return {};
  const refuse = (reason: "StapleNotValid" | "CertificateRevoked", message: string): ChosenStaple => ({ problem: { reason, message } });
  if (issuer === undefined) return refuse("StapleNotValid", 'its staple in "tls.ocsp-staple" cannot be checked: the certificate that issued it is not in "tls.crt"; put that behind the server\'s');
  const staple = readStaple(der, leaf, issuer);
  if (!staple.ok) return refuse("StapleNotValid", `its staple in "tls.ocsp-staple" ${staple.error}; put in the responder's answer about this certificate, or remove it`);
  return staple.value.status === "good" ? { staple: staple.value } : refuse("CertificateRevoked", "its authority says that it is revoked; replace it");
}

function examined({ metadata: { namespace = "", name } }: Secret, chain: OrderedChain, { leaf, key }: Pair, { staple, problem }: ChosenStaple): ExaminedCertificate {
  const ordered = [...chain.related, ...chain.unrelated];
  const certificate: ServingCertificate = {
    name: objectKey(namespace, name),
    certificateChain: ordered.map(({ raw }) => writePem("CERTIFICATE", raw)).join(""),
    privateKey: new Sensitive(key.export({ type: "pkcs8", format: "pem" }) as string),
    validFrom: leaf.validFromDate.getTime(),
    expiresAt: leaf.validToDate.getTime(),
    dnsNames: dnsNamesOf(leaf),
    ...(staple === undefined ? {} : { ocspStaple: staple.der, stapleUntil: staple.until }),
    origin: { kind: "Secret", namespace, name },
  };
  const remarks = [...chainRemarks(chain), ...strengthRemarks(chain.related), ...(problem === undefined ? [] : [{ ...problem, message: `the certificate is served without a staple: ${problem.message}` }])];
  return { certificate, remarks: remarks.map(({ reason, message }) => ({ reason, message: `Secret ${JSON.stringify(certificate.name)}: ${message}` })) };
}

function chainRemarks({ reordered, unrelated }: OrderedChain): readonly CertificateWarning[] {
  return [
    ...(reordered ? [{ reason: "CertificateChain" as const, message: 'the certificates in "tls.crt" are out of order, and are served in the right one; put the server\'s certificate first and behind each one who issued it' }] : []),
    ...(unrelated.length === 0 ? [] : [{ reason: "CertificateChain" as const, message: `${unrelated.length === 1 ? "a certificate" : `${unrelated.length} certificates`} in "tls.crt" issued none of the others (${unrelated.map((one) => oneLine(one.subject)).join("; ")}); remove what does not lead to the authority, and see whether something is missing` }]),
  ];
}

/** Who signs itself is trusted for what it is, not for its signature. */
function strengthRemarks(related: readonly X509Certificate[]): readonly CertificateWarning[] {
  const [leaf] = related;
  const weak = related.filter((one) => /md5|sha-?1(?!\d)/i.test(one.signatureAlgorithm ?? "") && one.subject !== one.issuer);
  return [
    ...weak.map((one) => ({ reason: "CertificateWeak" as const, message: `the certificate ${oneLine(one.subject)} is signed with ${one.signatureAlgorithm}, which clients refuse; issue it with SHA-256` })),
    ...(leaf?.publicKey.asymmetricKeyType === "ed25519" ? [{ reason: "CertificateWeak" as const, message: "the certificate has an Ed25519 key, which browsers refuse; issue it for an ECDSA or RSA key" }] : []),
  ];
}

function oneLine(subject: string | undefined): string {
  return JSON.stringify((subject ?? "").replaceAll("\n", ", "));
}

function belongs(certificate: X509Certificate, key: KeyObject): boolean {
  return attempt(() => certificate.checkPrivateKey(key)) ?? false;
}

function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  return attempt(() => certificate.publicKey);
}

function parseCertificate(der: Buffer): X509Certificate | undefined {
  return attempt(() => new X509Certificate(der));
}

/** Node's parsers throw for bad input, which here is a user's mistake and so a value. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
