/** How long to wait before trying again. */
export interface BackoffOptions {
  readonly random: () => number;
  readonly baseMs?: number;
  readonly maxMs?: number;
}

/**
 * Waits that double from `baseMs` to `maxMs`, each shortened by up to half at random, so that many clients do not
 * return at one moment. The longest is short: after an outage of the API server, it is what users wait for their first change.
 */
export class Backoff {
  readonly #random: () => number;
  readonly #baseMs: number;
  readonly #maxMs: number;
  #attempts = 0;

  constructor({ random, baseMs = 250, maxMs = 5_000 }: BackoffOptions) {
    this.#random = random;
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
  }

  /** The next wait; never shorter than what the server asked for. */
  next(atLeastMs = 0): number {
    const full = Math.min(this.#maxMs, this.#baseMs * 2 ** Math.min(this.#attempts++, 20));
    return Math.max(atLeastMs, full * (1 - this.#random() / 2));
  }

  /** Something worked: begins again with short waits. */
  reset(): void {
    this.#attempts = 0;
  }
}
