// Does every fault of test/reliability and writes docs/RELIABILITY.md from what was seen. `npm run reliability`
//   RELIABILITY_OUTAGE_SECONDS=120 npm run reliability    with an outage of two minutes
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reliabilityPage } from "./page.ts";
import type { FindingLine } from "./page.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "contour-reliability-"));
const results = join(folder, "results.jsonl");
try {
  const files = readdirSync(join(root, "test/reliability")).filter((name) => name.endsWith(".test.ts")).map((name) => join(root, "test/reliability", name));
  // One after the other: each has the machine for itself.
  const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", ...files], { cwd: root, stdio: "inherit", env: { ...process.env, RELIABILITY_RESULTS: results } });
  if (status !== 0) throw new Error("a fault did more than it may; docs/RELIABILITY.md stays as it is");
  const lines = readFileSync(results, "utf8").split("\n").filter((line) => line !== "");
  writeFileSync(join(root, "docs/RELIABILITY.md"), reliabilityPage(lines.map((line) => JSON.parse(line) as FindingLine)));
} finally {
  rmSync(folder, { recursive: true });
}
