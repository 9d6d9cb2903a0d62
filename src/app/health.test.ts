import assert from "node:assert/strict";
import { it } from "node:test";
import { Health } from "#app/health";

it("asks for a restart only when that may help", () => {
  let now = 0;
  const health = new Health(() => now);
  const status = (apiServerAnswers: boolean): number => health.answer(apiServerAnswers).status;
  assert.equal(status(true), 200, "nothing is watched yet");
  health.watching("Service", true);
  health.watching("Secret", true);
  health.watching("Secret", false);
  now += 3_600_000;
  assert.equal(status(true), 200, "one kind is watched");
  health.watching("Service", false);
  now += 3_600_000;
  assert.equal(status(false), 200, "the API server is away");
  assert.equal(status(true), 503, "the API server is there, and we have not seen it for an hour");
  health.watching("Service", true);
  assert.equal(status(true), 200);
});
