import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";

/** Milliseconds between two looks. Events tell less than looks do: a mounted ConfigMap changes by a link two folders away. */
const lookMs = 500;
/** Milliseconds for which a file has to stay as it is: editors write in several steps. */
const settleMs = 200;

/** Reads a text; what is wrong says the file. */
export function readText(path: string): Result<string, string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (error) {
    return fail(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Tells each text that a file has, until the signal aborts; also that it cannot be read. `known` is what was read before. Follows links. */
export function followText(path: string, known: Result<string, string>, signal: AbortSignal, onText: (text: Result<string, string>) => void): void {
  let last = JSON.stringify(known);
  let timer: NodeJS.Timeout | undefined;
  const read = (): void => {
    const text = readText(path);
    const now = JSON.stringify(text);
    if (now === last || signal.aborted) return;
    last = now;
    onText(text);
  };
  const touched = (): void => {
    clearTimeout(timer);
    timer = setTimeout(read, settleMs);
  };
  watchFile(path, { interval: lookMs, persistent: false }, touched);
  // What changed between the first reading and this.
  touched();
  signal.addEventListener("abort", () => (clearTimeout(timer), unwatchFile(path, touched)), { once: true });
}
