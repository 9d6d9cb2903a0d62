import { readFileSync } from "node:fs";
import type { RunOutput, RunState } from "#app/run";
import { paint } from "#cli/terminal/style";

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Tells a person at a terminal what happens. */
export function terminalOutput(): RunOutput {
  let before: ReadonlyMap<string, string> | undefined;
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  return {
    progress: (line) => void process.stderr.write(`${paint("dim", line, process.stderr)}\n`),
    envoyLine: (line) => void process.stderr.write(`${paint("yellow", `envoy ${line}`, process.stderr)}\n`),
    state(state) {
      const now = new Map(state.routes.map((route) => [`${route.url} ${route.from}`, `${route.url}  →  ${route.target}`]));
      if (before === undefined) printStart(print, state);
      else printChanges(print, before, now);
      before = now;
      printProblems(state);
    },
  };
}

function printStart(print: (line: string) => void, state: RunState): void {
  const width = Math.min(60, Math.max(...state.routes.map((route) => route.url.length), 10));
  print("");
  for (const route of state.routes) print(`  ${paint("cyan", route.url.padEnd(width))}  →  ${route.target}  ${paint("dim", route.from)}`);
  if (state.routes.length === 0) print("  no routes yet");
  print("");
  print(paint("bold", "Try it:"));
  if (state.routes.some((route) => route.tls)) print(`  CA=${state.caFile}`);
  for (const route of state.routes) if (route.curl !== undefined) print(`  ${route.curl}`);
  if (state.caCreated) {
    print("");
    print("A certificate authority of this machine was made for TLS. Nothing trusts it by itself; if browsers should: contour ca trust");
  }
  print("");
  print(paint("dim", "Edit the files and save; Ctrl-C stops."));
}

function printChanges(print: (line: string) => void, before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): void {
  for (const [key, text] of now) {
    if (!before.has(key)) print(`${paint("green", "+")} ${text}`);
    else if (before.get(key) !== text) print(`${paint("yellow", "~")} ${text}`);
  }
  for (const [key, text] of before) if (!now.has(key)) print(`${paint("red", "-")} ${text}`);
}

function printProblems(state: RunState): void {
  for (const { severity, place, message } of state.report.problems) printProblem(severity, place, message);
  for (const problem of state.problems) printProblem(problem.severity, state.place(problem), `${problem.kind} ${problem.namespace}/${problem.name} ${problem.field}: ${problem.message}`);
}

/** Prints `file:line:column`, what is wrong, and the line with a mark under the place. */
function printProblem(severity: "error" | "warning", place: Place | undefined, message: string): void {
  const where = place === undefined ? "" : `${place.file}:${place.line}:${place.column}: `;
  process.stderr.write(`${paint(severity === "error" ? "red" : "yellow", severity, process.stderr)}: ${where}${message}\n`);
  const source = place === undefined ? undefined : sourceLine(place);
  if (place === undefined || source === undefined) return;
  process.stderr.write(`  ${source}\n  ${" ".repeat(Math.max(0, place.column - 1))}${paint("red", "^", process.stderr)}\n`);
}

function sourceLine({ file, line }: Place): string | undefined {
  try {
    return readFileSync(file, "utf8").split("\n")[line - 1];
  } catch {
    return undefined;
  }
}

/** Tells a program what happens: one JSON object a line. */
export function jsonOutput(): RunOutput {
  const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
  return {
    progress: (message) => print({ event: "progress", message }),
    envoyLine: (message) => print({ event: "envoy", message }),
    state: ({ routes, report, problems, place, caFile }) =>
      print({ event: "state", routes, ca: caFile, problems: [...report.problems.map(({ severity, place: at, message }) => ({ severity, ...at, message })), ...problems.map((problem) => ({ ...problem, ...place(problem) }))] }),
  };
}
