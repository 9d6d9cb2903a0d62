import assert from "node:assert/strict";
import { it } from "node:test";
import { differingPaths } from "#lib/differing-paths";

it("names what differs, down to single values", () => {
  assert.deepEqual(differingPaths({ a: 1, b: { c: [1], d: "x" } }, { a: 1, b: { c: [1, 2], d: "x" } }), [["b", "c"]]);
  assert.deepEqual(differingPaths({ b: { d: { e: 1 }, c: 2 } }, {}), [["b", "c"], ["b", "d", "e"]]);
  assert.deepEqual(differingPaths({}, { b: {} }), [["b"]]);
  assert.deepEqual(differingPaths({ b: 1 }, { b: { c: 1 } }), [["b", "c"]]);
  assert.deepEqual(differingPaths({ b: undefined }, {}), []);
});
