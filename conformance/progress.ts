import { parseHeading, parseResult } from "./output.ts";

/**
 * Says one line for each finished test of the suite. The seconds are those that passed:
 * what `go test` prints leaves out parts that run in parallel.
 */
export function createProgress(say: (line: string) => void, now: () => number): (line: string) => void {
  const began = new Map<string, number>();
  let count = 0;
  return (line) => {
    const test = parseHeading(line);
    if (test !== undefined) began.set(test, now());
    const result = parseResult(line);
    if (result === undefined || result.part !== "" || result.outcome === "SKIP") return;
    const seconds = ((now() - (began.get(result.test) ?? now())) / 1000).toFixed(1);
    say(`${String((count += 1)).padStart(4)} ${result.outcome} ${result.test} ${seconds} s`);
  };
}
