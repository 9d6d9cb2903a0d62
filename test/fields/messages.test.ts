import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fieldMessages, messagesFile } from "./messages.ts";

describe("what a user reads for a bad value of each field", () => {
  const said = fieldMessages();
  it("is what is written down (npm run golden)", () => assert.equal(said, readFileSync(messagesFile, "utf8")));
  it("names a field, and no bad value is taken", () => {
    const lines = said.trim().split("\n");
    assert.ok(lines.length > 500, String(lines.length));
    assert.deepEqual(lines.filter((line) => line.endsWith(": TAKEN") || !/: (spec|the object|unknown field spec)/.test(line)), []);
  });
});
