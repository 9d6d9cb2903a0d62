import { encode } from "#envoy/any";
import { inlineBytes } from "#envoy/data-source";
import { Secret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import type { CertificateSecret } from "#model/secret";

/** The same secret under another name: of a field that comes twice, the last one counts. */
export function buildRenamedSecret(secret: Uint8Array, name: string): Uint8Array {
  return Buffer.concat([secret, encode(Secret, { name })]);
}

/** Encodes a certificate with its key. This is the only place where a key is revealed. */
export function buildSecret({ name, certificateChain, privateKey, ocspStaple }: CertificateSecret): Uint8Array {
  const value = { certificateChain: inlineBytes(certificateChain), privateKey: inlineBytes(privateKey.reveal()), ...(ocspStaple === undefined ? {} : { ocspStaple: inlineBytes(ocspStaple) }) };
  return encode(Secret, { name, type: { $case: "tlsCertificate", value } });
}
