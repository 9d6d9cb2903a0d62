import type { CertificateSecret } from "#model/secret";
import type { Family } from "#store/family";
import type { Fact } from "#store/graph";
import { expiredCertificates } from "#translate/facts";

/** Knows when the certificates end that are served. Translation has no clock, so what the clock says becomes a fact. */
export class CertificateExpiry {
  readonly #expiresAt = new Map<string, number>();
  readonly #expired = new Set<string>();

  /** Takes in which certificates changed, and tells of those that have ended, or have not any more. */
  follow(certificates: ReadonlyMap<string, readonly CertificateSecret[]>, now: number): readonly Fact[] {
    return [...certificates].flatMap(([name, [certificate]]) => {
      if (certificate === undefined) this.#expiresAt.delete(name);
      else this.#expiresAt.set(name, certificate.expiresAt);
      return this.#look(name, now);
    });
  }

  /** When each certificate ends that is served, in milliseconds since 1970, by its Secret. */
  *ends(): Iterable<{ readonly secret: string; readonly expiresAt: number }> {
    for (const [secret, expiresAt] of this.#expiresAt) yield { secret, expiresAt };
  }

  /** Looks at all of them, and tells of those that ended since. */
  tick(now: number): readonly Fact[] {
    return [...this.#expiresAt.keys()].flatMap((name) => this.#look(name, now));
  }

  #look(name: string, now: number): readonly Fact[] {
    const expired = (this.#expiresAt.get(name) ?? Number.POSITIVE_INFINITY) <= now;
    if (expired === this.#expired.has(name)) return [];
    if (expired) this.#expired.add(name);
    else this.#expired.delete(name);
    return [{ family: expiredCertificates as Family<unknown>, bucket: name, publisher: "clock", items: expired ? [true] : [] }];
  }
}
