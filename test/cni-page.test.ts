import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { cniPage } from "../tools/cni/page.ts";
import type { WiringResult } from "./cni/results.ts";

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

describe("docs/cni.md", () => {
  const results = JSON.parse(read("test/cni/results.json")) as readonly WiringResult[];

  it("is what the matrix found (bin/node tools/cni/write.ts)", () => assert.equal(read("docs/cni.md"), cniPage(results)));

  it("hides no failure", () => {
    const failed = results.flatMap(({ wiring, findings }) => Object.entries(findings).flatMap(([check, { verdict }]) => (verdict === "fail" ? [`${wiring}: ${check}`] : [])));
    assert.deepEqual(failed, [], "mend what fails before the results are kept");
  });
});
