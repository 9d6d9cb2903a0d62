import { X509Certificate } from "node:crypto";
import type { ResponderChoice } from "#app/ocsp/responder";
import { askAbout, readStaple } from "#translate/secrets/staple";
import type { StapleQuestion } from "#translate/secrets/certificate";
import type { ExaminedSecret } from "#translate/shared/secrets";

/** What keeping staples needs. */
export interface StapleOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Which responders may be asked now. */
  readonly responders: () => ResponderChoice | "none";
  /** Gives the answer of a responder. */
  readonly ask: (responder: string, question: Uint8Array, choice: ResponderChoice) => Promise<Uint8Array>;
  /** Hears of an answer about the certificate in a Secret (`namespace/name`); undefined when there is nothing to ask any more. */
  readonly publish: (secret: string, staple: Uint8Array | undefined) => void;
  /** Hears why a responder gave no answer that can be used. */
  readonly onTrouble: (secret: string, responder: string, reason: string) => void;
}

interface Asked {
  readonly question: StapleQuestion;
  /** When it is to be asked next. */
  nextAt: number;
  failures: number;
  asking: boolean;
  published: boolean;
}

const [minuteMs, hourMs] = [60_000, 3_600_000];
const atOnce = 4;

/**
 * Keeps the answers of OCSP responders about certificates that name one, and asks again in the middle of each answer's
 * life: so half of it is left for a responder that is down. Each controller asks for itself; answers are public.
 */
export class Staples {
  readonly #options: StapleOptions;
  readonly #asked = new Map<string, Asked>();
  #running = 0;

  constructor(options: StapleOptions) {
    this.#options = options;
  }

  /** Takes in which Secrets changed. */
  follow(secrets: ReadonlyMap<string, readonly ExaminedSecret[]>): void {
    for (const [secret, [examined]] of secrets) this.#take(secret, examined?.question);
    this.tick();
  }

  /** Asks what is to be asked now. To be called from time to time. */
  tick(): void {
    const choice = this.#options.responders();
    if (choice === "none") return;
    const now = this.#options.clock();
    for (const [secret, asked] of this.#asked) {
      if (this.#running >= atOnce) return;
      if (!asked.asking && asked.nextAt <= now) void this.#ask(secret, asked, choice);
    }
  }

  #take(secret: string, question: StapleQuestion | undefined): void {
    const known = this.#asked.get(secret);
    if (question === undefined) {
      // Whoever tells of a change is in the middle of it.
      if (this.#asked.delete(secret) && known?.published === true) queueMicrotask(() => this.#options.publish(secret, undefined));
    } else if (known === undefined || !sameQuestion(known.question, question)) {
      this.#asked.set(secret, { question, nextAt: 0, failures: 0, asking: false, published: known?.published ?? false });
    }
  }

  async #ask(secret: string, asked: Asked, choice: ResponderChoice): Promise<void> {
    const { responder, leaf, issuer } = asked.question;
    asked.asking = true;
    this.#running++;
    try {
      const pair = [new X509Certificate(leaf), new X509Certificate(issuer)] as const;
      const staple = readStaple(await this.#options.ask(responder, askAbout(...pair), choice), ...pair);
      const now = this.#options.clock();
      if (!staple.ok) throw new Error(`its answer ${staple.error}`);
      if (staple.value.until <= now) throw new Error("its answer has ended already");
      asked.failures = 0;
      asked.nextAt = Math.max(now + minuteMs, (staple.value.from + staple.value.until) / 2);
      // Meanwhile the Secret may hold another certificate.
      if (this.#asked.get(secret) !== asked) return;
      asked.published = true;
      this.#options.publish(secret, staple.value.der);
    } catch (error) {
      asked.nextAt = this.#options.clock() + Math.min(hourMs, minuteMs * 2 ** asked.failures++);
      this.#options.onTrouble(secret, responder, error instanceof Error ? error.message : String(error));
    } finally {
      asked.asking = false;
      this.#running--;
      this.tick();
    }
  }
}

function sameQuestion(a: StapleQuestion, b: StapleQuestion): boolean {
  return a.responder === b.responder && Buffer.from(a.leaf).equals(b.leaf) && Buffer.from(a.issuer).equals(b.issuer);
}
