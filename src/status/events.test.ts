import assert from "node:assert/strict";
import { it } from "node:test";
import { pino } from "pino";
import { ApiError } from "#sources/kubernetes/api-error";
import { EventRecorder } from "#status/events";
import type { ObjectNote } from "#status/events";

const note = (name: string, occasion = "1"): ObjectNote => ({ regarding: { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", namespace: "shop", name }, type: "Warning", reason: "ServiceError", note: "n".repeat(2000), occasion });

function played(): { readonly recorder: EventRecorder; readonly written: string[]; readonly outcomes: string[]; pass(ms: number): void } {
  const written: string[] = [];
  const outcomes: string[] = [];
  let now = 1_700_000_000_000;
  const call = async <T>({ body }: { readonly body?: unknown }): Promise<T> => {
    const { metadata, note: text } = body as { metadata: { name: string }; note: string };
    assert.ok(Buffer.byteLength(text) <= 1024);
    if (written.includes(metadata.name)) throw new ApiError(409, { message: "there is one" });
    written.push(metadata.name);
    return {} as T;
  };
  const recorder = new EventRecorder({ client: { call, stream: () => Promise.reject(new Error("unused")), close() {} }, log: pino({ level: "silent" }), clock: () => now, instance: "contour-1", onOutcome: (outcome) => outcomes.push(outcome) });
  return { recorder, written, outcomes, pass: (ms) => void (now += ms) };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("an event is written once for each occasion, and by the leader only", async () => {
  const { recorder, written } = played();
  recorder.record(note("web"));
  assert.equal(written.length, 0);
  recorder.setLeading(true);
  for (let i = 0; i < 5; i++) recorder.record(note("web"));
  recorder.record(note("web", "2"));
  recorder.record(note("api"));
  await settled();
  assert.equal(written.length, 3);
  assert.equal(new Set(written).size, 3);
});

it("no more events are written than people can read", async () => {
  const { recorder, written, outcomes, pass } = played();
  recorder.setLeading(true);
  for (let i = 0; i < 1000; i++) recorder.record(note(`web-${i}`));
  await settled();
  assert.equal(written.length, 50);
  assert.equal(outcomes.filter((outcome) => outcome === "dropped").length, 950);
  pass(2000);
  for (let i = 0; i < 1000; i++) recorder.record(note(`later-${i}`));
  await settled();
  assert.equal(written.length, 60);
});

it("what another replica said is not said again", async () => {
  const first = played();
  first.recorder.setLeading(true);
  first.recorder.record(note("web"));
  await settled();
  const second = played();
  second.written.push(...first.written);
  second.recorder.setLeading(true);
  second.recorder.record(note("web"));
  await settled();
  assert.deepEqual(second.outcomes, ["known"]);
});
