import { readFileSync } from "node:fs";

/** How long a file's contents are taken as they were read. Tokens are replaced long before they end, certificates likewise. */
const freshMs = 10_000;

/** Text of a file that others replace while we run: read again from time to time, and after `forget`. */
export class FileText {
  readonly #path: string;
  readonly #clock: () => number;
  #text = "";
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, clock: () => number) {
    this.#path = path;
    this.#clock = clock;
  }

  /** The text as it is on disk, at most ten seconds old. Throws when the file cannot be read and never could. */
  get(): string {
    if (this.#clock() - this.#readAt < freshMs) return this.#text;
    try {
      this.#text = readFileSync(this.#path, "utf8").trim();
      this.#readAt = this.#clock();
    } catch (error) {
      // A volume is swapped by renames; for a moment the file may be away.
      if (this.#readAt === Number.NEGATIVE_INFINITY) throw error;
    }
    return this.#text;
  }

  /** Reads the file again at the next `get`. */
  forget(): void {
    if (this.#readAt !== Number.NEGATIVE_INFINITY) this.#readAt = this.#clock() - freshMs;
  }
}
