import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseOptions } from "./options.ts";

describe("the command line", () => {
  it("means the experimental channel and four tests at a time, where it says nothing", () => {
    assert.deepEqual(parseOptions([]), { channel: "experimental", pace: "parallel", atATime: 4, keep: false });
  });
  it("says how many tests run at a time", () => {
    assert.equal(parseOptions(["--parallel", "8"]).atATime, 8);
    assert.deepEqual(parseOptions(["--serial", "--channel", "standard"]), { channel: "standard", pace: "serial", atATime: 1, keep: false });
  });
  it("is refused with a word about why", () => {
    assert.throws(() => parseOptions(["--channel", "alpha"]), /there are standard and experimental/);
    assert.throws(() => parseOptions(["--serial", "--parallel"]), /exclude each other/);
    assert.throws(() => parseOptions(["HTTPRouteCORS"]), /only a number/);
  });
});
