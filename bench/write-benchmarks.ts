// write-benchmarks.ts RESULTS.jsonl: puts the figures of a run into docs/BENCHMARKS.md, between its two marks; the prose around them stays.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatTables, type Row } from "./report.ts";

const page = join(import.meta.dirname, "../docs/BENCHMARKS.md");
const [startMark, endMark] = ["<!-- figures: written by bench/write-benchmarks.ts -->", "<!-- end of figures -->"] as const;
const emptyPage = `# Benchmarks\n\nHow they are made, and how to repeat them: [bench/README.md](../bench/README.md).\n\n${startMark}\n${endMark}\n`;

interface About {
  readonly about: Readonly<Record<string, string | number>>;
}

function readResults(path: string): { readonly about: About["about"]; readonly rows: readonly Row[] } {
  const lines = readFileSync(path, "utf8").trim().split("\n").map((line) => JSON.parse(line) as About | Row);
  const [head] = lines;
  if (head === undefined || !("about" in head)) throw new Error(`${path} is not the output of a benchmark run`);
  return { about: head.about, rows: (lines.slice(1) as readonly Row[]).toSorted((a, b) => a.n - b.n) };
}

function figures({ about, rows }: ReturnType<typeof readResults>): string {
  const facts = Object.entries(about).map(([name, value]) => `${name} ${value}`).join(", ");
  return `${startMark}\n\nMeasured: ${facts}.\n\n${formatTables(rows, "markdown")}\n\n${endMark}`;
}

const [results] = process.argv.slice(2);
if (results === undefined) throw new Error("usage: write-benchmarks.ts RESULTS.jsonl");
const text = existsSync(page) ? readFileSync(page, "utf8") : emptyPage;
const [start, end] = [text.indexOf(startMark), text.indexOf(endMark)];
if (start === -1 || end === -1) throw new Error(`docs/BENCHMARKS.md has lost its marks "${startMark}" and "${endMark}"`);
writeFileSync(page, text.slice(0, start) + figures(readResults(results)) + text.slice(end + endMark.length));
