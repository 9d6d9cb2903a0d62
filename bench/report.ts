import { appendFileSync, writeFileSync } from "node:fs";

/** One line of a table: which scenario, at which size, and its figures in the order they are shown. */
export interface Row {
  readonly scenario: string;
  readonly n: number;
  readonly figures: Readonly<Record<string, string | number>>;
}

/** Where results go. */
export interface Report {
  add(row: Row): void;
  /** Everything so far, as plain tables. */
  tables(): string;
}

/** Collects results; each is printed at once, and appended to `output` as a line of JSON. */
export function createReport(about: Readonly<Record<string, unknown>>, output?: string): Report {
  const rows: Row[] = [];
  if (output !== undefined) writeFileSync(output, `${JSON.stringify({ about })}\n`);
  return {
    add: (row) => {
      rows.push(row);
      if (output !== undefined) appendFileSync(output, `${JSON.stringify(row)}\n`);
      console.log(`${row.scenario} n=${row.n} ${Object.entries(row.figures).map(([name, value]) => `${name}: ${value}`).join(", ")}`);
    },
    tables: () => formatTables(rows),
  };
}

/** One table per scenario, in the order in which scenarios first appear. */
export function formatTables(rows: readonly Row[], style: "plain" | "markdown" = "plain"): string {
  const scenarios = [...new Set(rows.map(({ scenario }) => scenario))];
  return scenarios.map((scenario) => `${style === "markdown" ? "### " : ""}${scenario}\n\n${table(rows.filter((row) => row.scenario === scenario), style)}`).join("\n\n");
}

function table(rows: readonly Row[], style: "plain" | "markdown"): string {
  const names = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
  const cells = [["N", ...names], ...rows.map(({ n, figures }) => [String(n), ...names.map((name) => String(figures[name] ?? "-"))])];
  if (style === "markdown") return [cells[0], names.concat("").map(() => "---"), ...cells.slice(1)].map((line) => `| ${(line ?? []).join(" | ")} |`).join("\n");
  const widths = ["N", ...names].map((_, column) => Math.max(...cells.map((line) => (line[column] ?? "").length)));
  return cells.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n");
}
