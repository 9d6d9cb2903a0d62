import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { ApiError } from "#sources/kubernetes/api-error";
import type { ApiClient, ApiRequest } from "#sources/kubernetes/client";
import { StatusWriter } from "#status/writer";
import type { StatusUpdate } from "#status/writer";

// The API server is played: a real one does not refuse on demand. What it does with the patches is in test/kubernetes.

const update = (name: string, currentStatus = "valid"): StatusUpdate => ({ kind: "HTTPProxy", namespace: "d", name, generation: 1, status: { currentStatus } });

class Played {
  readonly asked: string[] = [];
  readonly waited: number[] = [];
  readonly stored = new Map<string, Readonly<Record<string, unknown>>>();
  /** What the next requests are answered with; undefined is success. */
  readonly refusals: (ApiError | undefined)[] = [];
  readonly outcomes: string[] = [];
  readonly #held: (() => void)[] = [];
  /** Requests stay open until `release`. */
  holding = false;
  readonly writer: StatusWriter;

  constructor(concurrency = 1) {
    const client: ApiClient = {
      call: async <T>(request: ApiRequest) => {
        const name = request.path.split("/").at(-2) ?? "";
        const { status } = request.body as { readonly status: Readonly<Record<string, unknown>> };
        this.asked.push(`${name}=${String(status["currentStatus"])}`);
        if (this.holding) await new Promise<void>((resolve) => void this.#held.push(resolve));
        const refusal = this.refusals.shift();
        if (refusal !== undefined) throw refusal;
        this.stored.set(`HTTPProxy/d/${name}`, status);
        return {} as T;
      },
      stream: () => Promise.reject(new Error("no streams here")),
      close() {},
    };
    this.writer = new StatusWriter({
      client, concurrency, controllerName: "test/controller", log: pino({ level: "silent" }), clock: () => 0, signal: new AbortController().signal,
      metrics: { written: (_, outcome) => void this.outcomes.push(outcome) },
      current: ({ kind, namespace, name }) => this.stored.get(`${kind}/${namespace}/${name}`),
      sleep: async (ms) => void this.waited.push(ms),
    });
  }

  release(): void {
    this.holding = false;
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

describe("the writer of statuses", () => {
  it("writes nothing before it leads, and then everything that differs", async () => {
    const played = new Played();
    played.stored.set("HTTPProxy/d/same", { currentStatus: "valid" });
    played.writer.submit([update("same"), update("new")]);
    await played.writer.idle();
    assert.deepEqual(played.asked, []);
    played.writer.setLeading(true);
    await played.writer.idle();
    assert.deepEqual(played.asked, ["new=valid"]);
    played.writer.setLeading(false);
    played.writer.submit([update("new", "invalid")]);
    await played.writer.idle();
    assert.deepEqual(played.asked, ["new=valid"]);
  });

  it("writes the newest first, and of one object only the last", async () => {
    const played = new Played();
    played.writer.setLeading(true);
    played.holding = true;
    played.writer.submit([update("a"), update("b"), update("c")]);
    played.writer.submit([update("b", "invalid"), update("d")]);
    played.release();
    await played.writer.idle();
    assert.deepEqual(played.asked, ["c=valid", "d=valid", "b=invalid", "a=valid"].toSorted((x, y) => played.asked.indexOf(x) - played.asked.indexOf(y)));
    assert.deepEqual(played.asked.filter((asked) => asked.startsWith("b")), ["b=invalid"]);
    assert.equal(played.asked[1], "d=valid");
  });

  it("writes again what changed while it was written", async () => {
    const played = new Played();
    played.writer.setLeading(true);
    played.holding = true;
    played.writer.submit([update("a")]);
    played.writer.submit([update("a", "invalid")]);
    played.release();
    await played.writer.idle();
    assert.deepEqual(played.asked, ["a=valid", "a=invalid"]);
  });

  it("waits when the server asks for it, longer each time, and goes on", async () => {
    const played = new Played();
    played.writer.setLeading(true);
    played.refusals.push(new ApiError(429, { message: "slowly" }, 3000), new ApiError(500, { message: "oops" }), new ApiError(409, { message: "conflict" }));
    played.writer.submit([update("a")]);
    await played.writer.idle();
    assert.deepEqual(played.waited, [3000, 200, 400]);
    assert.deepEqual(played.outcomes, ["failed", "failed", "conflict", "success"]);
  });

  it("gives up where another try cannot help, and when the object is gone", async () => {
    for (const status of [400, 422, 404]) {
      const played = new Played();
      played.writer.setLeading(true);
      played.refusals.push(new ApiError(status, { message: "no" }));
      played.writer.submit([update("a")]);
      await played.writer.idle();
      assert.deepEqual([played.asked.length, played.waited], [1, []]);
    }
  });

  it("writes many at once", async () => {
    const played = new Played(3);
    played.writer.setLeading(true);
    played.holding = true;
    played.writer.submit(["a", "b", "c", "d", "e"].map((name) => update(name)));
    assert.equal(played.asked.length, 3);
    played.release();
    await played.writer.idle();
    assert.equal(played.asked.length, 5);
  });
  it("knows what it wrote before an event shows that, and looks again when somebody else wrote later", async () => {
    const asked: string[] = [];
    let version = 8;
    let shown: Readonly<Record<string, unknown>> | undefined = { currentStatus: "none" };
    const client: ApiClient = {
      call: async <T>(request: ApiRequest) => {
        const { status } = request.body as { readonly status: Readonly<Record<string, unknown>> };
        asked.push(String(status["currentStatus"]));
        version += 1;
        return { metadata: { resourceVersion: String(version) }, status } as T;
      },
      stream: () => Promise.reject(new Error("no streams here")),
      close() {},
    };
    const writer = new StatusWriter({ client, controllerName: "test/controller", log: pino({ level: "silent" }), clock: () => 0, signal: new AbortController().signal, metrics: { written() {} }, current: () => shown, sleep: async () => undefined });
    const seen = async (resourceVersion: string): Promise<void> => {
      writer.seen("HTTPProxy", "d", "a", resourceVersion);
      await writer.idle();
    };
    writer.setLeading(true);
    writer.submit([update("a", "valid")]);
    await writer.idle();
    // No event has come, and what was shown last is what is wanted again.
    writer.submit([update("a", "none")]);
    await writer.idle();
    assert.deepEqual(asked, ["valid", "none"]);
    shown = { currentStatus: "valid" };
    await seen("9");
    shown = { currentStatus: "none" };
    await seen("10");
    assert.deepEqual(asked, ["valid", "none"]);
    writer.submit([update("a", "valid")]);
    await writer.idle();
    shown = { currentStatus: "tampered" };
    await seen("100");
    assert.deepEqual(asked, ["valid", "none", "valid", "valid"]);
  });
});
