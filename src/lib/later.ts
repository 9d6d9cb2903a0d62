import { setTimeout as timer } from "node:timers";

/** Runs something after so many milliseconds, unless the signal aborts before; gives what takes it back. */
export function laterUnless(signal: AbortSignal, ms: number, run: () => void): () => void {
  if (signal.aborted) return () => undefined;
  const started = timer(run, ms);
  const end = (): void => clearTimeout(started);
  signal.addEventListener("abort", end, { once: true });
  return () => (end(), signal.removeEventListener("abort", end));
}
