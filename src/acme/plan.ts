import type { HeldCertificate } from "#acme/certificate";
import type { OrderRecord } from "#acme/record";
import type { RevocationReason } from "#acme/revocation";
import type { CertificateRequest } from "#translate/certificates/request";

/** What is in the Secret that a certificate is for. */
export type SecretState =
  | { readonly kind: "absent" }
  /** Made by somebody else. */
  | { readonly kind: "foreign" }
  /** Made here; `certificate` is absent when it cannot be read. With `revocation` it is to be revoked as soon as there is another one. */
  | { readonly kind: "ours"; readonly issuer: string; readonly certificate?: HeldCertificate; readonly revocation?: RevocationReason };

/** Everything that decides what is done next about a certificate. Times in milliseconds since 1970. */
export interface Situation {
  /** Absent when nobody wants the certificate any more. */
  readonly request?: CertificateRequest | undefined;
  readonly secret: SecretState;
  readonly record?: OrderRecord | undefined;
  readonly issuerGeneration: number;
  /** When the certificate that is there is to be renewed: see `renewalTime`. */
  readonly renewAt: number;
  readonly now: number;
}

/** What is done next. */
export type Step =
  /** Nothing, until something changes or this time has come. */
  | { readonly kind: "rest"; readonly until?: number }
  /** What is known of an order is not needed any more. */
  | { readonly kind: "forget" }
  /** Asks for a certificate; `failures` are those since the last success. */
  | { readonly kind: "order"; readonly failures: number }
  /** Goes on with an order that is under way. */
  | { readonly kind: "resume"; readonly record: OrderRecord };

/** Decides what is done next about a certificate. */
export function plan({ request, secret, record, issuerGeneration, renewAt, now }: Situation): Step {
  if (request === undefined || secret.kind === "foreign") return record === undefined ? { kind: "rest" } : { kind: "forget" };
  if (record !== undefined && !meets(record, request, issuerGeneration)) return { kind: "forget" };
  if (serves(secret, request) && now < renewAt) return record === undefined ? { kind: "rest", until: renewAt } : { kind: "forget" };
  if (record?.retryAt !== undefined && now < record.retryAt) return { kind: "rest", until: record.retryAt };
  return record?.order === undefined ? { kind: "order", failures: record?.failures ?? 0 } : { kind: "resume", record };
}

/** Whether an order is for what is wanted now, of an issuer as it is now. */
function meets(record: OrderRecord, request: CertificateRequest, issuerGeneration: number): boolean {
  return record.issuer === request.issuer && record.issuerGeneration === issuerGeneration && sameTexts(record.hosts, request.hosts) && sameTexts(record.fleets, request.fleets);
}

function serves(secret: SecretState, request: CertificateRequest): boolean {
  return secret.kind === "ours" && secret.revocation === undefined && secret.issuer === request.issuer && secret.certificate !== undefined && sameTexts(secret.certificate.hosts, request.hosts);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  const sorted = b.toSorted();
  return a.length === b.length && a.toSorted().every((text, i) => text === sorted[i]);
}

/** The share of a certificate's life after which it is renewed, and by how much that is spread, so that certificates of one day part. */
const renewalShare = 2 / 3;
const spreadShare = 1 / 20;

/**
 * When to renew a certificate: in the window that the server suggests (RFC 9773, section 4.2), else after two thirds of its life. `random` is
 * from 0 to 1.
 */
export function renewalTime({ notBefore, notAfter }: HeldCertificate, hint: { readonly start: number; readonly end: number } | undefined, random: number): number {
  if (hint !== undefined) return Math.round(hint.start + random * (hint.end - hint.start));
  const life = notAfter - notBefore;
  return Math.round(notBefore + life * (renewalShare - spreadShare * random));
}

/** How long to wait after so many failures: twice as long each time, a little different for each, and as long as the server says. */
export function retryDelay(failures: number, limits: { readonly firstMs: number; readonly longestMs: number }, random: number, serverSaysMs = 0): number {
  const doubled = Math.min(limits.longestMs, limits.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(serverSaysMs, doubled * (0.9 + 0.2 * random));
}
