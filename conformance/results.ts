import type { RunHead } from "./record.ts";
import type { Share, Verdict } from "./verdict.ts";

/** A run that is on the result page. */
export interface JudgedRun {
  readonly name: string;
  readonly head: RunHead;
  readonly verdict: Verdict;
}

/** The result page of all runs whose records are kept. */
export function renderResults(runs: readonly JudgedRun[]): string {
  return `# Gateway API conformance: results

Made by \`npm run conformance\`; do not edit. How results come about and what they prove: \`README.md\`.
"Skipped" counts tests that a controller which supports every feature of the channel would have run; mesh tests are no part of it.

| channel | mode | date | Contour | Gateway API | Kubernetes | Envoy | tests | passed | failed | skipped | seconds | verdict |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
${runs.map(overviewRow).join("\n")}
${runs.map(renderRun).join("")}`;
}

function overviewRow({ head, verdict }: JudgedRun): string {
  const { passed, failed, skipped, complaints } = verdict;
  const counts = [passed.length + failed.length, passed.length, failed.length, skipped.length, Math.round(head.seconds)];
  const cells = [head.channel, mode(head), head.date.slice(0, 10), head.contour, head.gatewayApi, head.kubernetes, head.envoy, ...counts, complaints.length === 0 ? "**success**" : "no success"];
  return `| ${cells.join(" | ")} |`;
}

function mode({ pace, atATime }: RunHead): string {
  return pace === "serial" ? "serial" : `parallel (${atATime} at a time)`;
}

function renderRun({ name, head, verdict }: JudgedRun): string {
  const rows = verdict.profiles.map(({ name: profile, core, extended, features, missingFeatures }) => `| ${profile} | ${share(core)} | ${share(extended)} | ${share(features)} | ${missingFeatures.join(", ")} |`);
  return `
## ${head.channel}, ${mode(head)}

Lines of all tests: \`reports/${name}.txt\`; the suite's own report: \`reports/${name}.yaml\`.

| profile | core tests passed | extended tests passed | extended features | unsupported |
|---|---|---|---|---|
${rows.join("\n")}
${verdict.complaints.length === 0 ? "" : `\n${verdict.complaints.map((complaint) => `- ${complaint}\n`).join("")}`}`;
}

function share({ reached, of }: Share): string {
  return `${reached} of ${of}`;
}
