import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { cniPage } from "../tools/cni/page.ts";
import { checks } from "./cni/checks.ts";
import { allWirings } from "./cni/matrix.ts";
import { faultsOf } from "./cni/results.ts";
import type { WiringResult } from "./cni/results.ts";

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

describe("docs/cni.md", () => {
  const results = JSON.parse(read("test/cni/results.json")) as readonly WiringResult[];

  it("is what the matrix found (bin/node tools/cni/write.ts)", () => assert.equal(read("docs/cni.md"), cniPage(results)));

  it("hides no failure", () => assert.deepEqual(faultsOf(results), [], "mend what fails before the results are kept"));

  it("has every check over every wiring", () => {
    assert.deepEqual(results.map(({ wiring }) => wiring), allWirings.map(({ name }) => name));
    for (const { wiring, findings } of results) assert.deepEqual(Object.keys(findings), checks.map(({ id }) => id), wiring);
  });
});
