import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { compatibilityPage } from "../tools/compatibility/page.ts";
import { referencePage } from "../tools/reference/page.ts";

describe("docs/reference/httpproxy.md", () => {
  it("is what the schemas say (npm run generate:reference)", () => {
    assert.equal(readFileSync(new URL("../docs/reference/httpproxy.md", import.meta.url), "utf8"), referencePage());
  });
});

describe("docs/reference/compatibility.md", () => {
  it("says of every name of Go Contour what became of it (npm run generate:reference)", async () => {
    assert.equal(readFileSync(new URL("../docs/reference/compatibility.md", import.meta.url), "utf8"), await compatibilityPage());
  });
});
