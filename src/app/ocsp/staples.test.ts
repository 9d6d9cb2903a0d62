import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { describe, it } from "node:test";
import { Staples } from "#app/ocsp/staples";
import type { ExaminedSecret } from "#translate/shared/secrets";

const der = (name: string): Uint8Array => new X509Certificate(readFileSync(new URL(`../../../testdata/certificates/odd/${name}.crt`, import.meta.url))).raw;
const asking = (responder: string): Pick<ExaminedSecret, "question"> => ({ question: { responder, leaf: der("leaf"), issuer: der("intermediate") } });
const secrets = (...entries: readonly (readonly [string, Pick<ExaminedSecret, "question"> | undefined])[]): ReadonlyMap<string, readonly ExaminedSecret[]> => new Map(entries.map(([name, secret]) => [name, secret === undefined ? [] : [secret as ExaminedSecret]]));

/** Responders that answer nonsense, with a clock that stands still. */
function scene(responders: "none" | "all" = "all") {
  const at = { now: 0, responders };
  const [asked, troubles]: [string[], string[]] = [[], []];
  const staples = new Staples({
    clock: () => at.now, responders: () => at.responders,
    ask: async (responder) => (asked.push(responder), new Uint8Array([1, 2, 3])),
    publish: () => assert.fail("nonsense is not published"),
    onTrouble: (_secret, _responder, reason) => troubles.push(reason),
  });
  return { at, asked, troubles, staples };
}

describe("who asks OCSP responders", () => {
  it("asks nobody unless told to", async () => {
    const { at, asked, staples } = scene("none");
    staples.follow(secrets(["a/b", asking("http://one/")]));
    assert.deepEqual(asked, []);
    at.responders = "all";
    staples.tick();
    assert.deepEqual(asked, ["http://one/"]);
  });

  it("waits twice as long after each answer that is no use, an hour at most", async () => {
    const { at, asked, troubles, staples } = scene();
    staples.follow(secrets(["a/b", asking("http://one/")]));
    const waits: number[] = [];
    for (let round = 0; round < 9; round++) {
      await setImmediate();
      const [before, count] = [at.now, asked.length];
      while (asked.length === count) {
        at.now += 60_000;
        staples.tick();
      }
      waits.push((at.now - before) / 60_000);
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert.match(troubles[0] ?? "", /its answer is no OCSP response/);
  });

  it("asks no more than four at once, and nobody for a Secret that is gone", async () => {
    const { asked, staples } = scene();
    staples.follow(secrets(...Array.from({ length: 9 }, (_, i) => [`a/${i}`, asking(`http://${i}/`)] as const)));
    assert.equal(asked.length, 4);
    staples.follow(secrets(["a/8", undefined]));
    for (let i = 0; i < 5; i++) await setImmediate();
    assert.deepEqual(asked.toSorted(), ["0", "1", "2", "3", "4", "5", "6", "7"].map((i) => `http://${i}/`));
  });
});
