/** How much one issuer is asked for. */
export interface Limits {
  readonly ordersPerHour: number;
  readonly concurrentOrders: number;
}

const hourMs = 3_600_000;
/** What may be ordered at once after a quiet time, as a share of an hour's orders. */
const burstShare = 1 / 8;

/** Lets the certificates of one issuer come one after the other: so many at a time, so many in an hour, in the order in which they asked. */
export class Budget {
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  #limits: Limits;
  #tokens: number;
  #filledAt: number;
  #pausedUntil = 0;

  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#tokens = burst(limits);
    this.#filledAt = now;
  }

  set limits(limits: Limits) {
    this.#limits = limits;
  }

  /** Whether a certificate may be worked on now; it queues up when not. Going on with an order costs nothing of the hour's orders. */
  admit(key: string, now: number, use: "order" | "resume"): boolean {
    this.#fill(now);
    if (use === "order") this.#waiting.add(key);
    const first = use === "resume" || this.#isNext(key);
    if (!first || this.#running.size >= this.#limits.concurrentOrders || now < this.#pausedUntil || (use === "order" && this.#tokens < 1)) return (this.#waiting.add(key), false);
    if (use === "order") this.#tokens -= 1;
    this.#waiting.delete(key);
    this.#running.add(key);
    return true;
  }

  /** The work is done, or given up. */
  release(key: string): void {
    this.#running.delete(key);
  }

  /** The certificate is not wanted any more. */
  leave(key: string): void {
    this.#waiting.delete(key);
  }

  /** The server wants nothing to do with us until then. */
  pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  /** Who may be next, and when it can begin; undefined where nobody waits or somebody must end first. */
  next(now: number): { readonly keys: readonly string[]; readonly at: number } | undefined {
    this.#fill(now);
    const free = this.#limits.concurrentOrders - this.#running.size;
    if (this.#waiting.size === 0 || free <= 0) return undefined;
    const at = Math.max(this.#pausedUntil, this.#tokens >= 1 ? now : now + (1 - this.#tokens) * (hourMs / this.#limits.ordersPerHour));
    return { keys: [...this.#waiting].slice(0, free), at };
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  #isNext(key: string): boolean {
    let free = this.#limits.concurrentOrders - this.#running.size;
    for (const waiting of this.#waiting) {
      if (waiting === key) return true;
      if (--free <= 0) return false;
    }
    return true;
  }

  #fill(now: number): void {
    this.#tokens = Math.min(burst(this.#limits), this.#tokens + ((now - this.#filledAt) * this.#limits.ordersPerHour) / hourMs);
    this.#filledAt = now;
  }
}

function burst({ ordersPerHour }: Limits): number {
  return Math.max(1, ordersPerHour * burstShare);
}
