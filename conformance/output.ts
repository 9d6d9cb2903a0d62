/** How a test ended. */
export type Outcome = "PASS" | "FAIL" | "SKIP";

/** One `--- PASS: TestConformance/Name/part (1.20s)` of the output. */
export interface ResultLine {
  readonly outcome: Outcome;
  /** The test's name in the suite. */
  readonly test: string;
  /** The part of the test, "" for the whole. */
  readonly part: string;
  readonly seconds: number;
}

const root = "TestConformance/";
const result = /^\s*--- (PASS|FAIL|SKIP): (\S+) \((\d+(?:\.\d+)?)s\)\s*$/;
const heading = /^=== (?:RUN|CONT|NAME|PAUSE)\s+(\S+)/;

// `-test.v=test2json` puts this byte before each of its own lines, and starts one even where a printed line has not ended.
const marker = "\u0016";

/** The lines of an output, without the marks of `-test.v=test2json`. */
export function linesOf(output: string): readonly string[] {
  return output.replaceAll(`\n${marker}`, "\n").replaceAll(marker, "\n").split("\n");
}

/** The result that a line tells of a test of the suite or of a part of one. */
export function parseResult(line: string): ResultLine | undefined {
  const [, outcome, path = "", seconds] = result.exec(line) ?? [];
  if (outcome === undefined || !path.startsWith(root)) return undefined;
  const [test = "", ...parts] = path.slice(root.length).split("/");
  return { outcome: outcome as Outcome, test, part: parts.join("/"), seconds: Number(seconds) };
}

/** The test that a line tells to begin, or to go on after it has waited for its turn. */
export function parseHeading(line: string): string | undefined {
  const [test, ...parts] = (/^=== (?:RUN|CONT)\s+TestConformance\/(\S+)/.exec(line)?.[1] ?? "").split("/");
  return test === "" || parts.length > 0 ? undefined : test;
}

/** Every result of an output, in its order. */
export function parseResults(output: string): readonly ResultLine[] {
  return linesOf(output).map(parseResult).filter((line) => line !== undefined);
}

/** What is worth keeping of an output: each result, and how the whole ended. */
export function trimOutput(output: string): string {
  const kept = linesOf(output).filter((line) => result.test(line) || /^(PASS|FAIL|panic: .*)$/.test(line));
  return kept.map((line) => `${line.trim()}\n`).join("");
}

/** What each test of the suite wrote; what belongs to none is under "". */
export function logsByTest(output: string): ReadonlyMap<string, string> {
  const logs = new Map<string, string[]>();
  let current = "";
  for (const line of linesOf(output)) {
    current = testAt(line) ?? current;
    const log = logs.get(current) ?? [];
    log.push(line);
    logs.set(current, log);
  }
  return new Map([...logs].map(([test, lines]) => [test, `${lines.join("\n")}\n`]));
}

// A test's log lines follow a line that names it; parallel tests take turns.
function testAt(line: string): string | undefined {
  const path = heading.exec(line)?.[1] ?? result.exec(line)?.[2];
  if (path === undefined) return undefined;
  return path.startsWith(root) ? path.slice(root.length).split("/")[0] : "";
}
