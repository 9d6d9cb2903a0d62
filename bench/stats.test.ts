import assert from "node:assert/strict";
import { it } from "node:test";
import { addressesOf, firstFreeAddress, uniqueAddress } from "./load.ts";
import { formatTables } from "./report.ts";
import { summarize } from "./stats.ts";
import { textsAt } from "./wire.ts";

it("percentiles are samples that occurred", () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual(summarize(samples), { count: 100, p50: 50, p90: 90, p99: 99, max: 100 });
});

it("addresses are valid, different and of one length", () => {
  const addresses = [0, 9999].flatMap(addressesOf).concat(uniqueAddress(firstFreeAddress), uniqueAddress(firstFreeAddress + 150_000));
  assert.equal(new Set(addresses).size, addresses.length);
  for (const address of addresses) assert.match(address, /^10\.[12]\d\d\.[12]\d\d\.[12]\d\d$/);
});

it("texts are found by their field numbers, past fields of every wire type", () => {
  const inner = [0x0a, 2, 0x68, 0x69]; // 1: "hi"
  const message = Uint8Array.from([0x08, 0x96, 0x01, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0x1d, 0, 0, 0, 0, 0x22, inner.length, ...inner, 0x22, 0]);
  assert.deepEqual(textsAt(message, [4, 1]), ["hi"]);
});

it("a table has a column for every figure of its scenario", () => {
  const rows = [
    { scenario: "s", n: 1, figures: { a: 1 } },
    { scenario: "s", n: 10, figures: { b: "x" } },
  ];
  assert.equal(formatTables(rows, "markdown"), "### s\n\n| N | a | b |\n| --- | --- | --- |\n| 1 | 1 | - |\n| 10 | - | x |");
});
