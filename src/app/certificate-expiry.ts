import type { CertificateSecret } from "#model/secret";

/** Knows when the certificates end that are served. */
export class CertificateExpiry {
  readonly #expiresAt = new Map<string, number>();

  /** Takes in which certificates changed. */
  follow(certificates: ReadonlyMap<string, readonly CertificateSecret[]>): void {
    for (const [name, [certificate]] of certificates) {
      if (certificate === undefined) this.#expiresAt.delete(name);
      else this.#expiresAt.set(name, certificate.expiresAt);
    }
  }

  /** When each certificate ends that is served, in milliseconds since 1970, by its Secret. */
  *ends(): Iterable<{ readonly secret: string; readonly expiresAt: number }> {
    for (const [secret, expiresAt] of this.#expiresAt) yield { secret, expiresAt };
  }
}
