import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { it } from "node:test";
import { coalesce } from "#app/coalesce";
import type { ObjectEvent } from "#store/event";

const event = (name: string): ObjectEvent => ({ type: "delete", ref: { kind: "Service", namespace: "shop", name } });

it("hands on together what comes in one turn, in its order, and at once when asked", async () => {
  const batches: string[][] = [];
  const sink = coalesce({ apply: (events) => void batches.push(events.map((one) => (one.type === "delete" ? one.ref.name : ""))) });
  sink.apply([event("a")]);
  await Promise.resolve();
  sink.apply([event("b"), event("c")]);
  assert.deepEqual(batches, []);
  await turn();
  sink.apply([event("d")]);
  sink.flush();
  await turn();
  assert.deepEqual(batches, [["a", "b", "c"], ["d"]]);
});
