import { encode } from "#envoy/any";
import { inlineBytes } from "#envoy/data-source";
import { Secret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import type { CertificateSecret } from "#model/secret";

/** Encodes a certificate with its key. This is the only place where a key is revealed. */
export function buildSecret({ name, certificateChain, privateKey }: CertificateSecret): Uint8Array {
  const value = { certificateChain: inlineBytes(certificateChain), privateKey: inlineBytes(privateKey.reveal()) };
  return encode(Secret, { name, type: { $case: "tlsCertificate", value } });
}
