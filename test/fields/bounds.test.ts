import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { translateObjects, translateSettings } from "#app/translate";
import { Stage } from "../golden/stage.ts";
import { leavesOfStories } from "./leaves.ts";
import type { Leaf } from "./leaves.ts";

const durations = ["0", "1ns", "999us", "0.5ms", "1ms", "1h30m", "8760h", "2562047h", "99999999999h", "-1s", "infinity"];
const durationFields = /\.(idle|response|idleConnection|perTryTimeout|window|timeout|cacheDuration|responseTimeout|interval|baseEjectionTime|maxAge)$/;

/** Values at the edges of what the schema allows. */
function edges({ field, value, schema }: Leaf): readonly unknown[] {
  if (schema.enum !== undefined) return schema.enum;
  if (typeof value === "boolean") return [true, false];
  if (typeof value === "number") return [...new Set([schema.minimum ?? -1, schema.minimum ?? 0, 0, 1, 2, 99, 101, 599, 65_535, schema.maximum ?? 2_147_483_647, (schema.maximum ?? 4_294_967_296) - 1, 4_294_967_295, 2_147_483_648])];
  return durationFields.test(field) ? durations : [];
}

describe("whatever the schema lets in is refused at its field, or taken by a real Envoy", { timeout: 300_000 }, () => {
  const leaves = leavesOfStories().filter((leaf) => edges(leaf).length > 0);
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());

  it("there are edges", () => assert.ok(leaves.length > 130, String(leaves.length)));

  for (const leaf of leaves) {
    it(leaf.field, async () => {
      for (const value of edges(leaf)) {
        const objects = leaf.with(value);
        if (objects === undefined) continue;
        const { problems } = translateObjects(objects.map((object) => ({ type: "upsert", object })), translateSettings, undefined, () => 0);
        if (problems.some(({ severity }) => severity === "error")) continue;
        const remove = await stage.play(objects);
        const refused = stage.nacks.map((nack) => nack.slice(0, 1500));
        remove();
        assert.deepEqual(refused, [], JSON.stringify(value));
      }
    });
  }
});
