import type { X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate, KeyUsage, KeyUsageFlags, id_ce_keyUsage } from "@peculiar/asn1-x509";
import type { Extension } from "@peculiar/asn1-x509";

/** How nearly all certificates of servers say that they sign handshakes, alone or beside others: these need no further reading. */
const usual = ["03020780", "030205a0", "03020388", "030203a8", "030206c0"].flatMap((bits) => [`0603551d0f0101ff0404${bits}`, `0603551d0f0404${bits}`]).map((hex) => Buffer.from(hex, "hex"));

const keyUsageBytes = Buffer.from("0603551d0f", "hex");

/** Extension by which a certificate demands a staple (RFC 7633). */
const tlsFeature = "1.3.6.1.5.5.7.1.24";
const tlsFeatureBytes = Buffer.from("06082b06010505070118", "hex");

/** Whether clients are told to refuse this certificate without an OCSP staple. */
export function demandsStaple(certificate: X509Certificate): boolean {
  return certificate.raw.includes(tlsFeatureBytes) && extensionOf(certificate, tlsFeature) !== undefined;
}

/** Whether a certificate for ECDSA says that it is not for signatures, with which Envoy refuses it (RFC 5280, section 4.2.1.3). */
export function signsNoHandshakes(certificate: X509Certificate): boolean {
  if (certificate.publicKey.asymmetricKeyType !== "ec" || !certificate.raw.includes(keyUsageBytes) || usual.some((bytes) => certificate.raw.includes(bytes))) return false;
  const usage = extensionOf(certificate, id_ce_keyUsage);
  return usage !== undefined && (AsnConvert.parse(usage.extnValue.buffer, KeyUsage).toNumber() & KeyUsageFlags.digitalSignature) === 0;
}

/** Reading all of a certificate takes a third of a millisecond: too much for each of ten thousand. */
function extensionOf({ raw }: X509Certificate, id: string): Extension | undefined {
  const { extensions = [] } = AsnConvert.parse(raw, Certificate).tbsCertificate;
  return [...extensions].find(({ extnID }) => extnID === id);
}
