import { text } from "#app/debug/page";
import type { Answer } from "#app/debug/page";

/** So long no watch may stand, while the API server answers, before a restart is asked for (milliseconds). */
const stuckMs = 300_000;

/**
 * Whether this process does its work. An API server that is away is no reason to restart: what is known is served, and a
 * controller that starts meanwhile would know nothing.
 */
export class Health {
  readonly #clock: () => number;
  readonly #watched = new Set<string>();
  #brokenSince: number | undefined;

  /** `clock` gives milliseconds since 1970. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** A kind is watched now, or is not any more. */
  watching(kind: string, established: boolean): void {
    if (established) this.#watched.add(kind);
    else this.#watched.delete(kind);
    this.#brokenSince = this.#watched.size > 0 ? undefined : (this.#brokenSince ?? this.#clock());
  }

  /** The answer of `/healthz`: 503 only when a restart may help. */
  answer(apiServerAnswers: boolean): Answer {
    if (!apiServerAnswers) return text("ok; but the API server does not answer: what is known is served");
    const stuck = this.#brokenSince !== undefined && this.#clock() - this.#brokenSince > stuckMs;
    return stuck ? text(`the API server answers, but nothing could be watched for ${stuckMs / 60_000} minutes`, 503) : text("ok");
  }
}
