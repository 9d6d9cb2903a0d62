import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";

const root = join(import.meta.dirname, "..");

it("docs/RELIABILITY.md has a row for each fault that is tested (npm run reliability)", () => {
  const folder = join(root, "test/reliability");
  const sources = readdirSync(folder).filter((name) => name.endsWith(".test.ts")).map((name) => readFileSync(join(folder, name), "utf8"));
  const page = readFileSync(join(root, "docs/RELIABILITY.md"), "utf8");
  // The parts of each name that do not depend on numbers.
  const faults = sources.flatMap((text) => [...text.matchAll(/report\(test, \{ fault: (["`])(.*?)\1/gs)].map(([, , name = ""]) => name.split(/\$\{[^}]*\}/)));
  assert.ok(faults.length > 15);
  const missing = faults.filter((parts) => !page.split("\n").some((line) => parts.every((part) => line.includes(part))));
  assert.deepEqual(missing.map((parts) => parts.join("…")), []);
});
