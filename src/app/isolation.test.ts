import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Isolation } from "#app/isolation";
import type { IsolationStep } from "#app/isolation";

interface World {
  readonly parts: readonly string[];
  readonly bad: ReadonlySet<string>;
  /** Bad in a way that an answer in their place is, too. */
  readonly badMatch: ReadonlySet<string>;
}

/** What Envoy would say. */
function accepts({ bad, badMatch, parts }: World, { hidden }: IsolationStep): boolean {
  return parts.every((part) => !bad.has(part) || hidden.get(part) === "drop" || (hidden.get(part) === "answer" && !badMatch.has(part)));
}

function play(world: World): { readonly last: IsolationStep; readonly steps: number } {
  const isolation = new Isolation(world.parts, "refused at first");
  let step = isolation.begin();
  let steps = 0;
  while (step.refused === undefined && step.hopeless === undefined) {
    assert.ok(++steps < 10_000, "it ends");
    const accepted = accepts(world, step);
    step = isolation.next(accepted, accepted ? "" : "refused again");
  }
  return { last: step, steps };
}

describe("isolation of what Envoy refuses", () => {
  it("finds exactly the bad parts, and serves all others", () => {
    const worlds = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.array(fc.nat(59), { minLength: 1, maxLength: 6 }), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }));
    fc.assert(
      fc.property(worlds, ([count, chosen, matches]) => {
        const parts = Array.from({ length: count }, (_, i) => `part ${i}`);
        const bad = new Set(chosen.map((i) => `part ${i % count}`));
        const badMatch = new Set([...bad].filter((_, i) => matches[i] === true));
        const { last, steps } = play({ parts, bad, badMatch });
        assert.deepEqual(new Set(last.refused?.keys()), bad);
        assert.deepEqual(new Set(last.hidden.keys()), bad);
        for (const part of bad) assert.equal(last.hidden.get(part), badMatch.has(part) ? "drop" : "answer");
        assert.ok(steps <= 3 + bad.size * (2 * Math.ceil(Math.log2(count + 1)) + 2), `${steps} steps for ${bad.size} of ${count}`);
      }),
    );
  });

  it("takes one answer for a single suspect", () => {
    const { last, steps } = play({ parts: ["a"], bad: new Set(["a"]), badMatch: new Set() });
    assert.deepEqual([[...last.hidden], steps], [[["a", "answer"]], 1]);
  });

  it("gives up when it is none of the suspects", () => {
    const isolation = new Isolation(["a", "b"], "no");
    isolation.begin();
    isolation.next(false, "no");
    assert.equal(isolation.next(false, "no").hopeless, true);
  });
});
