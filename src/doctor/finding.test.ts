import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { findingKinds } from "#doctor/finding";

describe("docs/doctor.md", () => {
  const rows = [...readFileSync(new URL("../../docs/doctor.md", import.meta.url), "utf8").matchAll(/^\| `([a-z-]+)` \| (.*?) \|/gm)].map(([, id = "", text = ""]) => [id, text.startsWith("warning:") ? "warning" : "error"]);
  it("has a row for each kind of finding, and says which are warnings", () => assert.deepEqual(Object.fromEntries(rows), findingKinds));
});
