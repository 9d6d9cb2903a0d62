import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { ApiError } from "#sources/kubernetes/api-error";
import type { ApiClient, ApiRequest } from "#sources/kubernetes/client";
import { runLeaderElection } from "#status/leader";

interface Lease {
  metadata: { resourceVersion: string };
  spec: { holderIdentity?: string; leaseDurationSeconds?: number; leaseTransitions?: number; renewTime?: string };
}

/** An API server with one Lease, and a time that all share. */
class World {
  now = 0;
  lease: Lease | undefined;
  /** Identities that the API server does not answer. */
  readonly cutOff = new Set<string>();
  readonly #timers: { at: number; run: () => void }[] = [];

  client(identity: string): ApiClient {
    const call = async <T>({ method = "GET", body }: ApiRequest): Promise<T> => {
      if (this.cutOff.has(identity)) return new Promise<T>(() => {});
      const wanted = body as Lease | undefined;
      if (method === "GET" && this.lease === undefined) throw new ApiError(404, { message: "none" });
      if (method === "POST" && this.lease !== undefined) throw new ApiError(409, { message: "there is one" });
      if (method === "PUT" && wanted?.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) throw new ApiError(409, { message: "old" });
      if (wanted !== undefined) this.lease = structuredClone({ ...wanted, metadata: { resourceVersion: String(Number(this.lease?.metadata.resourceVersion ?? "0") + 1) } });
      return structuredClone(this.lease) as T;
    };
    return { call, stream: () => Promise.reject(new Error("unused")), close() {} };
  }

  schedule = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.now + ms, run };
    this.#timers.push(timer);
    return () => void (this.#timers.includes(timer) && this.#timers.splice(this.#timers.indexOf(timer), 1));
  };

  /** Lets time pass in steps, and everything happen that is due. */
  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end; this.now += 100) {
      for (const timer of this.#timers.filter(({ at }) => at <= this.now)) {
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        timer.run();
      }
      await new Promise(setImmediate);
    }
  }
}

class Replica {
  leads = false;
  readonly stop = new AbortController();
  readonly done: Promise<void>;

  constructor(world: World, identity: string, skewMs: number, onLead: (replica: Replica) => void = () => {}) {
    this.done = runLeaderElection({
      client: world.client(identity), namespace: "projectcontour", name: "leader-elect", identity, leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000,
      clock: () => 1_700_000_000_000 + world.now + skewMs, elapsed: () => world.now, schedule: world.schedule, signal: this.stop.signal, log: pino({ level: "silent" }),
      sleep: (ms) => new Promise((resolve) => (world.schedule(ms, resolve), this.stop.signal.addEventListener("abort", () => resolve()))),
      onChange: (leading) => {
        this.leads = leading;
        if (leading) onLead(this);
      },
    });
  }
}

describe("leader election", () => {
  it("has one leader at any time, whatever the clocks of the replicas say", async () => {
    const world = new World();
    const replicas: Replica[] = [];
    const onLead = (): void => assert.equal(replicas.filter(({ leads }) => leads).length, 1);
    for (const [i, skewMs] of [0, 3_600_000, -3_600_000].entries()) replicas.push(new Replica(world, `replica-${i}`, skewMs, onLead));
    await world.pass(60_000);
    assert.deepEqual(replicas.map(({ leads }) => leads), [true, false, false]);
    assert.equal(world.lease?.spec.leaseTransitions, 0);
    for (const { stop } of replicas) stop.abort();
  });

  it("a leader that hears nothing gives up before another one may take over", async () => {
    const world = new World();
    const first = new Replica(world, "first", 0);
    await world.pass(5000);
    const second = new Replica(world, "second", 0, () => assert.equal(first.leads, false));
    await world.pass(5000);
    world.cutOff.add("first");
    const cut = world.now;
    while (first.leads) await world.pass(100);
    assert.ok(world.now - cut <= 10_100, `gave up after ${world.now - cut} ms`);
    assert.equal(second.leads, false);
    while (!second.leads) await world.pass(100);
    assert.ok(world.now - cut <= 15_000 + 2 * 2000 + 200, `taken over after ${world.now - cut} ms`);
    assert.equal(world.lease?.spec.leaseTransitions, 1);
    for (const { stop } of [first, second]) stop.abort();
  });

  it("a leader that ends gives the Lease back, and the next one has it within a retry", async () => {
    const world = new World();
    const first = new Replica(world, "first", 0);
    await world.pass(5000);
    const second = new Replica(world, "second", 0);
    await world.pass(5000);
    first.stop.abort();
    await first.done;
    const ended = world.now;
    while (!second.leads) await world.pass(100);
    assert.ok(world.now - ended <= 2100, `taken over after ${world.now - ended} ms`);
    second.stop.abort();
  });

  it("respects the holder that a Go replica wrote, for as long as that one says", async () => {
    const world = new World();
    world.lease = { metadata: { resourceVersion: "7" }, spec: { holderIdentity: "contour-6d4b_0f1e", leaseDurationSeconds: 30, leaseTransitions: 4, renewTime: "2026-01-01T00:00:00.000000Z" } };
    const ours = new Replica(world, "ours", 0);
    await world.pass(29_000);
    assert.equal(ours.leads, false);
    await world.pass(6000);
    assert.equal(ours.leads, true);
    assert.deepEqual([world.lease.spec.leaseDurationSeconds, world.lease.spec.leaseTransitions], [15, 5]);
    ours.stop.abort();
  });
});
