import { checks } from "./checks.ts";
import type { Finding } from "./finding.ts";

/** What the checks found over one wiring, by the check's id. */
export interface WiringResult {
  readonly wiring: string;
  /** Which parts were the real ones. */
  readonly component: string;
  readonly findings: Readonly<Record<string, Finding>>;
}

const marks: Readonly<Record<Finding["verdict"], string>> = { pass: "yes", fail: "**no**", unshown: "–" };

/** The results as a table of Markdown: a line for each check, a column for each wiring. */
export function resultTable(results: readonly WiringResult[]): readonly string[] {
  const shown = checks.filter(({ id }) => results.some(({ findings }) => findings[id] !== undefined));
  const rows = [["check", ...results.map(({ wiring }) => wiring)], ...shown.map(({ id, title }) => [title, ...results.map(({ findings }) => marks[findings[id]?.verdict ?? "unshown"])])];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  return [lines[0] ?? "", `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...lines.slice(1)];
}

/** What is wrong with results: checks that failed, wirings over which nothing was shown. */
export function faultsOf(results: readonly WiringResult[]): readonly string[] {
  const failed = results.flatMap(({ wiring, findings }) => {
    // What could not even be set up fails all checks, by one mistake.
    const byDetail = Map.groupBy(Object.entries(findings).filter(([, { verdict }]) => verdict === "fail"), ([, { detail }]) => detail);
    return [...byDetail].map(([detail, entries]) => `${wiring}: ${entries.map(([id]) => id).join(", ")} failed: ${detail}`);
  });
  const empty = results.flatMap(({ wiring, findings }) => (Object.values(findings).some(({ verdict }) => verdict === "pass") ? [] : [`${wiring}: nothing was shown`]));
  return [...failed, ...empty];
}

/** How results differ from those that are kept. */
export function differences(results: readonly WiringResult[], kept: readonly WiringResult[]): readonly string[] {
  const text = (finding: Finding | undefined): string => (finding === undefined ? "nothing" : `${finding.verdict} ${finding.detail}`.trim());
  return results.flatMap(({ wiring, component, findings }) => {
    const other = kept.find((result) => result.wiring === wiring);
    if (other?.component !== component) return [`${wiring}: ${other === undefined ? "is not among the results that are kept" : "its component is described otherwise"}`];
    const ids = [...new Set([...Object.keys(findings), ...Object.keys(other.findings)])];
    return ids.filter((id) => text(findings[id]) !== text(other.findings[id])).map((id) => `${wiring}: ${id}: ${text(findings[id])}; kept: ${text(other.findings[id])}`);
  });
}
