import type { Sensitive } from "#lib/sensitive";
import type { Origin } from "#model/origin";

/** The name under which Envoy asks for a certificate. */
export type SecretName = string;

/** A serving certificate with its key, checked to fit together. */
export interface CertificateSecret {
  readonly name: SecretName;
  readonly certificateChain: string;
  readonly privateKey: Sensitive<string>;
  /** What a responder says of the certificate (OCSP), for clients that ask. */
  readonly ocspStaple?: Uint8Array;
  /** When the certificate ends, in milliseconds since 1970. */
  readonly expiresAt: number;
  readonly origin: Origin;
}
