/** The type of the Secrets, in the controller's namespace, that keep what is known of orders. Nobody else's Secret counts as one. */
export const orderSecretType = "projectcontour.io/acme-order";

/** The key in such a Secret that has the record; the order's private key, which only the leader reads, is under `tls.key`. */
export const recordKey = "order";

/** The label of certificates that we made; only those are ever overwritten. Its value is the kind of issuer. */
export const issuedLabel = "projectcontour.io/issued-by";

/** The annotation of a certificate that names its issuer: see `issuerKey`. */
export const issuerAnnotation = "projectcontour.io/certificate-issuer";

/** What proves to an ACME server that a host is ours, and where it is to be seen. */
export type Challenge =
  /** At `/.well-known/acme-challenge/TOKEN` (RFC 8555, section 8.3). */
  | { readonly kind: "http-01"; readonly host: string; readonly url: string; readonly token: string; readonly answer: string }
  /** As the certificate of connections that ask for acme-tls/1 (RFC 8737). PEM. */
  | { readonly kind: "tls-alpn-01"; readonly host: string; readonly url: string; readonly certificate: string; readonly key: string; readonly expiresAt: number }
  /** As a TXT record (RFC 8555, section 8.4). */
  | { readonly kind: "dns-01"; readonly host: string; readonly url: string; readonly name: string; readonly value: string };

/** What is known of an order: kept in a Secret, so that it outlives the replica that placed it. */
export interface OrderRecord {
  /** The Secret that the certificate is for. */
  readonly certificate: { readonly namespace: string; readonly name: string };
  /** See `issuerKey`. */
  readonly issuer: string;
  /** What the issuer was like, so that a corrected one is tried at once. */
  readonly issuerGeneration: number;
  readonly hosts: readonly string[];
  /** The fleets of Envoys whose hosts ask for it. */
  readonly fleets: readonly string[];
  /** Absent while no order is under way. */
  readonly order?: { readonly url: string; readonly challenges: readonly Challenge[] };
  /** Tries that failed since the last success. */
  readonly failures: number;
  /** When it is tried again, in milliseconds since 1970. */
  readonly retryAt?: number;
  /** What the last failure was, in the words of the server. */
  readonly problem?: string;
}

/** Reads a record; undefined for what is none. */
export function parseRecord(text: string): OrderRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<OrderRecord>;
    const whole = typeof record.certificate?.namespace === "string" && typeof record.certificate.name === "string" && Array.isArray(record.hosts) && Array.isArray(record.fleets) && typeof record.failures === "number";
    return whole ? (record as OrderRecord) : undefined;
  } catch {
    return undefined;
  }
}
