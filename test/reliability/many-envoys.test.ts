import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { memoryMiB } from "../../bench/process-cost.ts";
import { waitFor } from "../bed/wait.ts";
import { PlayedEnvoy } from "../xds/rig.ts";
import { scopeResourceName } from "#envoy/names";
import { clusterType, endpointsType, listenerType, scopeType } from "#xds/types";
import type { TypeUrl } from "#xds/types";
import { report } from "./report.ts";
import { connectSilently } from "./silent-client.ts";
import { World, hostCount, hostOf, proxyOf } from "./world.ts";

const types: readonly TypeUrl[] = [clusterType, endpointsType, listenerType, scopeType];
const delta = { mode: "delta", aggregated: true } as const;

/** An xDS client that connects again whenever its stream ends, and says what it has, as Envoy does. */
class LoyalEnvoy {
  #envoy: PlayedEnvoy;
  #closed = false;
  readonly #port: number;
  readonly #id: string;
  connections = 0;
  /** Resources that came again in a version that it had. */
  repeated = 0;
  received = 0;

  constructor(port: number, id: string) {
    this.#port = port;
    this.#id = id;
    this.#envoy = this.#connect(new Map());
  }

  has(type: TypeUrl, name: string): boolean {
    return this.#envoy.text(type, name) !== undefined;
  }

  count(type: TypeUrl): number {
    return this.#envoy.held.get(type)?.size ?? 0;
  }

  reconnect(): void {
    this.#envoy.close();
  }

  close(): void {
    this.#closed = true;
    this.#envoy.close();
  }

  #connect(versions: ReadonlyMap<TypeUrl, ReadonlyMap<string, string>>, held: PlayedEnvoy["held"] = new Map()): PlayedEnvoy {
    this.connections += 1;
    const envoy = new PlayedEnvoy(`127.0.0.1:${this.#port}`, delta, undefined, this.#id);
    for (const [type, names] of held) envoy.held.set(type, names);
    for (const [type, known] of versions) envoy.versions.set(type, new Map(known));
    envoy.onResponse = ({ type, upserts }) => {
      this.received += upserts.length;
      this.repeated += upserts.filter(({ name, version }) => envoy.versions.get(type)?.get(name) === version).length;
    };
    envoy.onEnd = () => {
      if (this.#closed) return;
      envoy.close();
      this.#envoy = this.#connect(envoy.versions, envoy.held);
    };
    for (const type of types) envoy.subscribe(type, ["*"], Object.fromEntries(versions.get(type) ?? []));
    return envoy;
  }
}

describe("many Envoys", { timeout: 240_000 }, () => {
  let world: World;
  before(async () => {
    world = await World.open();
  });
  after(() => world?.close());

  const complete = (envoys: readonly LoyalEnvoy[], host: number): boolean => envoys.every((envoy) => envoy.count(scopeType) >= hostCount && envoy.has(scopeType, scopeResourceName(`ingress_http|${hostOf(host)}`)));

  it("a hundred come back at once, after a controller was killed and when all lose their connections: nothing is sent twice", async (test) => {
    const first = await world.startReplica();
    const envoys = Array.from({ length: 100 }, (_, i) => new LoyalEnvoy(world.balancer.port, `envoy-${i}`));
    try {
      await waitFor(() => complete(envoys, 0), { what: "all have everything", intervalMs: 10 });
      const once = envoys.reduce((sum, { received }) => sum + received, 0);
      await world.killReplica(first);
      const second = await world.startReplica();
      const restarted = performance.now();
      await waitFor(async () => (await world.metric(second, /^contour_xds_connected_envoys /)) === 100, { what: "all are back", intervalMs: 20 });
      const backMs = Math.round(performance.now() - restarted);
      for (const envoy of envoys) envoy.reconnect();
      await world.api.apply([proxyOf(500)]);
      await waitFor(() => complete(envoys, 500), { what: "all have the new host", intervalMs: 10 });
      await waitFor(async () => (await world.metric(second, /^contour_xds_connected_envoys /)) === 100, { what: "all are connected once", intervalMs: 20 });
      const repeated = envoys.reduce((sum, envoy) => sum + envoy.repeated, 0);
      const memory = memoryMiB(second.process.pid);
      report(test, { fault: "100 xDS clients lose their controller (SIGKILL) and come back to a new one, then all lose their connections", lost: 0, seen: `all back ${backMs} ms after the new controller was ready; ${repeated} of ${once} resources sent again; controller at ${memory.now.toFixed(0)} MiB` });
      assert.equal(repeated, 0);
    } finally {
      for (const envoy of envoys) envoy.close();
    }
  });

  it("after a rolling restart they spread over the replicas again", async (test) => {
    while (world.replicas.length > 0) await world.killReplica(world.replicas[0] as (typeof world.replicas)[number]);
    const age = ["--xds-connection-age", "3s"];
    await world.startReplica(...age);
    const before = await world.startReplica(...age);
    const envoys = Array.from({ length: 20 }, (_, i) => new LoyalEnvoy(world.balancer.port, `envoy-${i}`));
    try {
      await waitFor(() => complete(envoys, 0), { what: "all have everything", intervalMs: 10 });
      await world.killReplica(before);
      await waitFor(() => [...world.balancer.counts().values()][0] === 20, { what: "all are at the one that is left", intervalMs: 20 });
      const joined = await world.startReplica(...age);
      const began = performance.now();
      const share = async (): Promise<number> => world.metric(joined, /^contour_xds_connected_envoys /);
      await waitFor(async () => (await share()) >= 7, { what: "a third of them is at the new one", intervalMs: 20 });
      const ms = Math.round(performance.now() - began);
      await world.api.apply([proxyOf(501)]);
      await waitFor(() => complete(envoys, 501), { what: "all have the new host", intervalMs: 10 });
      const repeated = envoys.reduce((sum, envoy) => sum + envoy.repeated, 0);
      report(test, { fault: "rolling restart of two replicas with 20 xDS clients, connections 3 s old at most", lost: 0, seen: `${await share()} of 20 at the new replica ${ms} ms after it was ready; ${repeated} resources sent again` });
      assert.equal(repeated, 0);
    } finally {
      for (const envoy of envoys) envoy.close();
    }
  });

  it("one that never reads costs nobody anything", async (test) => {
    while (world.replicas.length > 0) await world.killReplica(world.replicas[0] as (typeof world.replicas)[number]);
    const replica = await world.startReplica();
    const slow = connectSilently(replica.xdsPort, "slow", types);
    const well = new LoyalEnvoy(replica.xdsPort, "well");
    const large = (round: number): readonly object[] => Array.from({ length: hostCount }, (_, i) => proxyOf(i, { conditions: [{ prefix: `/round-${round}` }], responseHeadersPolicy: { set: [{ name: "x-large", value: `${round}-${"x".repeat(10_000)}` }] } }));
    try {
      await waitFor(() => well.count(scopeType) >= hostCount, { what: "the other one has everything" });
      const rss: number[] = [];
      const delays: number[] = [];
      for (let round = 0; round < 40; round++) {
        const received = well.received;
        const began = performance.now();
        await world.api.apply(large(round) as Parameters<typeof world.api.apply>[0]);
        await waitFor(() => well.received >= received + hostCount, { what: `round ${round} at the one that reads`, intervalMs: 5 });
        delays.push(performance.now() - began);
        rss.push(memoryMiB(replica.process.pid).now);
      }
      const envoys = (await (await fetch(`http://127.0.0.1:${replica.debugPort}/debug/envoys`)).json()) as readonly { node: string; streams: Record<string, readonly { waitingCount: number; unacknowledgedCount: number }[]> }[];
      const srds = envoys.find(({ node }) => node === "slow")?.streams["srds"]?.[0];
      const held = (srds?.waitingCount ?? 0) + (srds?.unacknowledgedCount ?? 0);
      const grown = Math.max(...rss.slice(-5)) - Math.max(...rss.slice(5, 15));
      report(test, { fault: "an Envoy that never reads its stream, during 800 changes of 10 kB", lost: 0, seen: `${held} names wait for it, of ${hostCount} hosts; memory of the controller ${grown.toFixed(0)} MiB more in the last 600 changes; the other Envoy had every 20 changes after ${Math.round(delays.toSorted((a, b) => a - b)[20] ?? 0)} ms (median, writing them included)` });
      assert.ok(srds !== undefined && held > 0, "it is behind");
      assert.ok(held <= 3 * hostCount, `${held} names wait`);
      assert.ok(grown < 40, `${grown} MiB more: 6 MB were written meanwhile`);
    } finally {
      slow.close();
      well.close();
    }
  });
});
