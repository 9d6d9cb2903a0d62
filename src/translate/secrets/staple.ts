import { createHash, verify } from "node:crypto";
import { X509Certificate } from "node:crypto";
import { BasicOCSPResponse, CertID, OCSPRequest, OCSPResponse, OCSPResponseStatus, Request, TBSRequest, id_kp_OCSPSigning, id_pkix_ocsp_basic } from "@peculiar/asn1-ocsp";
import type { SingleResponse } from "@peculiar/asn1-ocsp";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, Certificate } from "@peculiar/asn1-x509";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";

/** An answer of an OCSP responder about one certificate, whose signature fits. */
export interface Staple {
  readonly der: Uint8Array;
  readonly status: "good" | "revoked";
  /** From when, and until when, it counts, in milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

const sha1 = "1.3.14.3.2.26";
const hashes: Readonly<Record<string, string>> = { [sha1]: "sha1", "2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512" };
/** What signatures are over; Ed25519 hashes by itself. */
const signatures: Readonly<Record<string, string | null>> = {
  "1.2.840.113549.1.1.11": "sha256", "1.2.840.113549.1.1.12": "sha384", "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256", "1.2.840.10045.4.3.3": "sha384", "1.2.840.10045.4.3.4": "sha512", "1.3.101.112": null,
};
/** Envoy reads all of it at each handshake. */
const largest = 64 * 1024;

/** The responder that a certificate names (RFC 5280, section 4.2.2.1); plain HTTP as a rule: answers are signed. */
export function responderOf(certificate: X509Certificate): string | undefined {
  return certificate.infoAccess === undefined ? undefined : /^OCSP - URI:(https?:\/\/\S+)$/m.exec(certificate.infoAccess)?.[1];
}

/** The question about a certificate, for its responder (RFC 6960). */
export function askAbout(leaf: X509Certificate, issuer: X509Certificate): Uint8Array {
  const reqCert = identify(leaf, issuer, sha1);
  return new Uint8Array(AsnConvert.serialize(new OCSPRequest({ tbsRequest: new TBSRequest({ requestList: [new Request({ reqCert })] }) })));
}

/** Reads a responder's answer about a certificate. The error says what is wrong with it. */
export function readStaple(der: Uint8Array, leaf: X509Certificate, issuer: X509Certificate): Result<Staple, string> {
  if (der.length > largest) return fail(`is larger than ${largest} bytes`);
  try {
    return check(der, leaf, issuer);
  } catch {
    return fail("is no OCSP response (DER)");
  }
}

function check(der: Uint8Array, leaf: X509Certificate, issuer: X509Certificate): Result<Staple, string> {
  const { responseStatus, responseBytes } = AsnConvert.parse(der, OCSPResponse);
  if (responseStatus !== OCSPResponseStatus.successful) return fail(`is no answer: the responder says ${OCSPResponseStatus[responseStatus] ?? responseStatus}`);
  if (responseBytes?.responseType !== id_pkix_ocsp_basic) return fail("is of another kind than the basic one");
  const basic = AsnConvert.parse(responseBytes.response.buffer, BasicOCSPResponse);
  const [single, ...others] = basic.tbsResponseData.responses;
  if (single === undefined || others.length > 0) return fail("is not about exactly one certificate");
  if (!isAbout(single, leaf, issuer)) return fail("is about another certificate");
  if (single.certStatus.unknown !== undefined) return fail("says that the responder does not know the certificate");
  if (single.nextUpdate === undefined) return fail("does not say until when it counts");
  if (!isSigned(basic, issuer)) return fail("is not signed by who issued the certificate, or in their name");
  return ok({ der, status: single.certStatus.revoked === undefined ? "good" : "revoked", from: single.thisUpdate.getTime(), until: single.nextUpdate.getTime() });
}

function identify(leaf: X509Certificate, issuer: X509Certificate, algorithm: string): CertID {
  const { tbsCertificate } = AsnConvert.parse(issuer.raw, Certificate);
  const hash = (bytes: ArrayBuffer): OctetString => new OctetString(Uint8Array.from(createHash(hashes[algorithm] ?? "sha1").update(new Uint8Array(bytes)).digest()));
  return new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm, parameters: null }),
    issuerNameHash: hash(AsnConvert.serialize(tbsCertificate.subject)),
    issuerKeyHash: hash(tbsCertificate.subjectPublicKeyInfo.subjectPublicKey),
    serialNumber: AsnConvert.parse(leaf.raw, Certificate).tbsCertificate.serialNumber,
  });
}

function isAbout({ certID }: SingleResponse, leaf: X509Certificate, issuer: X509Certificate): boolean {
  const { algorithm } = certID.hashAlgorithm;
  if (!(algorithm in hashes)) return false;
  const wanted = identify(leaf, issuer, algorithm);
  return sameBytes(certID.serialNumber, wanted.serialNumber) && sameBytes(certID.issuerNameHash.buffer, wanted.issuerNameHash.buffer) && sameBytes(certID.issuerKeyHash.buffer, wanted.issuerKeyHash.buffer);
}

/** By the issuer itself, or by somebody whom it has issued a certificate for that (RFC 6960, section 4.2.2.2). */
function isSigned({ tbsResponseDataRaw, signatureAlgorithm, signature, certs = [] }: BasicOCSPResponse, issuer: X509Certificate): boolean {
  const hash = signatures[signatureAlgorithm.algorithm];
  if (hash === undefined || tbsResponseDataRaw === undefined) return false;
  const delegates = certs.map((one) => new X509Certificate(Buffer.from(AsnConvert.serialize(one)))).filter((one) => (one.keyUsage ?? []).includes(id_kp_OCSPSigning) && one.checkIssued(issuer) && one.verify(issuer.publicKey));
  return [issuer, ...delegates].some(({ publicKey }) => signed(hash, tbsResponseDataRaw, publicKey, signature));
}

function signed(hash: string | null, data: ArrayBuffer, key: X509Certificate["publicKey"], signature: ArrayBuffer): boolean {
  try {
    return verify(hash, new Uint8Array(data), key, new Uint8Array(signature));
  } catch {
    // A key of another kind.
    return false;
  }
}

function sameBytes(a: ArrayBuffer, b: ArrayBuffer): boolean {
  return Buffer.from(a).equals(Buffer.from(b));
}
