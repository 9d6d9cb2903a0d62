import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { referencePage } from "../tools/reference/page.ts";

describe("docs/reference/httpproxy.md", () => {
  it("is what the schemas say (npm run generate:reference)", () => {
    assert.equal(readFileSync(new URL("../docs/reference/httpproxy.md", import.meta.url), "utf8"), referencePage());
  });
});
