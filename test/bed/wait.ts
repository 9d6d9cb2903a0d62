import { setTimeout as delay } from "node:timers/promises";

/** How long to wait for a condition, and what to say when it does not come. */
export interface Patience {
  readonly what: string;
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/** Thrown by a probe, it ends the wait at once: what is waited for can no longer come. */
export class HopelessError extends Error {
  override readonly name = "HopelessError";
}

/** Asks `probe` until it gives a value other than undefined and false; errors but `HopelessError` count as "not yet". */
export async function waitFor<T>(probe: () => T | Promise<T>, patience: Patience): Promise<Exclude<T, undefined | false>> {
  const end = Date.now() + (patience.timeoutMs ?? 30_000);
  let last: unknown = "nothing yet";
  while (Date.now() < end) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
    } catch (error) {
      if (error instanceof HopelessError) throw error;
      last = error;
    }
    await delay(patience.intervalMs ?? 50);
  }
  throw new Error(`${patience.what}: not within ${patience.timeoutMs ?? 30_000} ms (last: ${String(last)})`);
}
