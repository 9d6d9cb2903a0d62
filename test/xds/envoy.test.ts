import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { clusterType, endpointsType, scopeType } from "#xds/types";
import type { ResourceUpsert } from "#xds/types";
import { noMetrics, startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";
import { freePort } from "../bed/free-port.ts";
import { clusterOf, endpointsOf, eventually, findEnvoy, get, listenerAt, scopeOf, startBackend, startEnvoy, statusOf } from "./real-envoy.ts";
import type { RealEnvoy } from "./real-envoy.ts";

const binary = await findEnvoy();

describe("the xDS server and a real Envoy", () => {
  let backend: Awaited<ReturnType<typeof startBackend>>;
  let rig: Rig;
  let envoy: RealEnvoy;
  let port: number;
  const pushed = { bytes: 0, responses: 0 };
  const metrics = { ...noMetrics, pushed: (_: string, bytes: number) => ((pushed.bytes += bytes), (pushed.responses += 1)) };

  before(async () => void (backend = await startBackend()));
  after(() => backend.close());
  beforeEach(async () => {
    port = await freePort();
    rig = await startRig({ metrics });
    rig.store.apply({ upserts: world(), removals: [] });
    envoy = await startEnvoy(binary, { kind: "tcp", address: "127.0.0.1", port: rig.server.port });
    await eventually("the first host", async () => ((await statusOf(port, "a.test")) === 200 ? true : undefined));
  });
  afterEach(async () => {
    await envoy.stop();
    await rig.server.close();
  });

  function world(): ResourceUpsert[] {
    return [listenerAt(port), ...hostOf("a.test")];
  }

  function hostOf(host: string): ResourceUpsert[] {
    return [scopeOf(host, `c-${host}`), endpointsOf(`c-${host}`, backend.port), clusterOf(`c-${host}`)];
  }

  async function statusesUntil(host: string, last: number): Promise<number[]> {
    const seen: number[] = [];
    await eventually(`${host} ${last}`, async () => {
      const status = await statusOf(port, host);
      if (seen.at(-1) !== status) seen.push(status);
      return status === last ? true : undefined;
    });
    return seen;
  }

  it("a new host is 404 and then 200, never 503; a deleted one 200 and then 404", async () => {
    for (let i = 0; i < 20; i += 1) {
      const host = `h${i}.test`;
      assert.equal(await statusOf(port, host), 404);
      rig.store.apply({ upserts: hostOf(host), removals: [] });
      assert.deepEqual((await statusesUntil(host, 200)).filter((status) => status !== 404), [200]);
      rig.store.apply({ upserts: [], removals: hostOf(host).map(({ type, name }) => ({ type, name })) });
      assert.deepEqual((await statusesUntil(host, 404)).filter((status) => status !== 200), [404]);
    }
  });

  it("a changed cluster gets its endpoints again and does not stay warming", async () => {
    rig.store.apply({ upserts: [clusterOf("c-a.test", 5)], removals: [] });
    await eventually("the change", async () => ((await envoy.stat("cluster_manager.cluster_modified")) >= 1 ? true : undefined));
    await eventually("no cluster is warming", async () => ((await envoy.stat("cluster_manager.warming_clusters")) === 0 ? true : undefined));
    assert.match(await envoy.admin("/config_dump?resource=dynamic_active_clusters"), /2\.005s/);
    assert.equal(await statusOf(port, "a.test"), 200);
  });

  it("a route moves to a new cluster without a failing request", async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 10; i += 1) {
      const [from, to] = [i === 0 ? "c-a.test" : `n${i - 1}`, `n${i}`];
      const upserts = [scopeOf("a.test", to, `v${i}`), endpointsOf(to, backend.port), clusterOf(to)];
      rig.store.apply({ upserts, removals: [{ type: clusterType, name: from }, { type: endpointsType, name: from }] });
      await eventually(`${from} is gone`, async () => {
        statuses.add(await statusOf(port, "a.test"));
        return (await envoy.admin("/clusters")).includes(`${from}::`) ? undefined : true;
      });
    }
    assert.deepEqual([...statuses], [200]);
  });

  it("isolates a scope that Envoy refuses: the others land, the last good one stays", async () => {
    const good = Array.from({ length: 10 }, (_, i) => hostOf(`g${i}.test`)).flat();
    rig.store.apply({ upserts: [...good, scopeOf("a.test", "c-a.test", "2", ["*", "*"])], removals: [] });
    await eventually("the good ones", async () => ((await Promise.all(Array.from({ length: 10 }, (_, i) => statusOf(port, `g${i}.test`)))).every((status) => status === 200) ? true : undefined));
    await eventually("the refusal", async () => (rig.nacks.length > 0 ? true : undefined));
    assert.deepEqual(rig.nacks.map(({ type, name }) => [type, name]), [[scopeType, "a.test"]]);
    assert.match(rig.nacks[0]?.message ?? "", /wildcard domain/i);
    assert.equal(await statusOf(port, "a.test"), 200);
    const late = await startEnvoy(binary, { kind: "tcp", address: "127.0.0.1", port: rig.server.port });
    await eventually("the last good one in a new Envoy", async () => ((await late.admin("/config_dump?mask=dynamic_scoped_route_configs")).includes('"a.test"') ? true : undefined));
    await late.stop();
    assert.equal(rig.nacks.length, 1);
    rig.store.apply({ upserts: [scopeOf("a.test", "c-a.test", "3")], removals: [] });
    await eventually("recovery", async () => (rig.recovered.includes("a.test") ? true : undefined));
  });

  it("an Envoy that comes back to a new controller with the same world gets no resource", async () => {
    const address = `127.0.0.1:${rig.server.port}`;
    await rig.server.close();
    Object.assign(pushed, { bytes: 0, responses: 0 });
    const acks: string[] = [];
    const restarted = await startRig({ address, metrics, onAck: ({ name }) => acks.push(name) });
    restarted.store.apply({ upserts: world().toReversed(), removals: [] });
    await eventually("the answers", async () => (pushed.responses >= 3 ? true : undefined));
    restarted.store.apply({ upserts: [scopeOf("a.test", "c-a.test", "again")], removals: [] });
    await eventually("the change", async () => (acks.includes("a.test") ? true : undefined));
    // The listener was not sent: the new controller hears all the same that there is an Envoy that has it.
    assert.deepEqual(acks.map((name) => (name === "a.test" ? name : "listener")), ["listener", "a.test"]);
    assert.ok(pushed.bytes < 1200, `${pushed.bytes} bytes`);
    await restarted.server.close();
  });

  it("an Envoy of an empty world starts at once", async () => {
    const empty = await startRig();
    const other = await startEnvoy(binary, { kind: "tcp", address: "127.0.0.1", port: empty.server.port });
    await eventually("live", async () => ((await other.admin("/ready")).startsWith("LIVE") ? true : undefined));
    await other.stop();
    await empty.server.close();
  });

  it("endpoints follow at once", async () => {
    rig.store.apply({ upserts: [endpointsOf("c-a.test", await freePort())], removals: [] });
    await eventually("no backend", async () => ((await get({ port, host: "a.test" })).status === 503 ? true : undefined));
    rig.store.apply({ upserts: [endpointsOf("c-a.test", backend.port)], removals: [] });
    await eventually("the backend", async () => ((await get({ port, host: "a.test" })).status === 200 ? true : undefined));
  });

  it("a port that one Envoy cannot have is its own matter: others get the listener", async () => {
    const taken = await startBackend();
    const first = await startEnvoy(binary, { kind: "tcp", address: "127.0.0.1", port: rig.server.port });
    try {
      rig.store.apply({ upserts: [listenerAt(taken.port)], removals: [] });
      await eventually("a refusal is heard", async () => ((await first.stat("listener_manager.lds.update_rejected")) > 0 ? true : undefined));
      taken.close();
      assert.deepEqual(rig.nacks, []);
      const late = await startEnvoy(binary, { kind: "tcp", address: "127.0.0.1", port: rig.server.port });
      await eventually("a later Envoy has the listener", async () => ((await statusOf(taken.port, "a.test")) === 200 ? true : undefined));
      await late.stop();
    } finally {
      await first.stop();
    }
  });
});
