import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { connectXds } from "../../bench/xds-client.ts";
import type { XdsChange } from "../../bench/xds-client.ts";
import { waitFor } from "../bed/wait.ts";
import { startBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { World, hostOf, hosts, proxyOf } from "./world.ts";
import type { Replica } from "./world.ts";

/** Longer than any time-out between controller and API server that matters here (renewing the Lease is the longest). RELIABILITY_OUTAGE_SECONDS=120 for two minutes. */
const outageMs = Number(process.env["RELIABILITY_OUTAGE_SECONDS"] ?? "12") * 1000;

describe("the API server and the way to it", { timeout: 240_000 + outageMs }, () => {
  let world: World;
  let way: Balancer;
  let replica: Replica;
  const securePort = (): number => Number(new URL(world.api.url).port);
  before(async () => {
    world = await World.open();
    way = await startBalancer([securePort()]);
    replica = await world.startReplicaAt(world.accessOver(way.port));
    await world.startEnvoy();
  });
  after(async () => {
    await world?.close();
    way?.close();
  });

  const load = (test: Parameters<typeof startLoad>[0]): ReturnType<typeof startLoad> => startLoad(test, { port: world.httpPort, hosts: hosts.slice(5), connections: 8 });

  it("is stopped for some time: traffic goes on, and nothing is taken away when it is back", async (test) => {
    const client = await connectXds(`127.0.0.1:${replica.xdsPort}`, 5000);
    const removed: XdsChange[] = [];
    await waitFor(() => client.firstCount("srds") !== undefined, { what: "the client has everything" });
    client.onChanges((changes) => void removed.push(...changes.filter(({ body }) => body === undefined)));
    const running = load(test);
    await world.api.takeDown();
    const end = performance.now() + outageMs;
    await waitFor(() => performance.now() > end, { what: "the outage", timeoutMs: outageMs + 5000 });
    const during = running.answered();
    await world.api.bringUp();
    const backMs = await world.serveNewHost(200);
    await world.untilProxy(200, "valid");
    await waitFor(() => running.answered() > during + 300, { what: "load afterwards" });
    const result = await running.stop();
    client.close();
    report(test, { fault: `API server stopped for ${outageMs / 1000} s`, load: result, lost: result.failures.length + removed.length, seen: `${removed.length} resources taken from Envoys; a new host served ${backMs} ms after the first write` });
    assert.deepEqual(result.failures, []);
    assert.deepEqual(removed, []);
    assert.equal(replica.process.exited(), false);
  });

  it("is frozen, connections stay open and nothing answers: traffic goes on", async (test) => {
    const running = load(test);
    world.api.pause();
    const end = performance.now() + Math.min(outageMs, 5000);
    await waitFor(() => performance.now() > end, { what: "the frozen time", timeoutMs: outageMs + 5000 });
    world.api.resume();
    const backMs = await world.serveNewHost(201);
    const result = await running.stop();
    report(test, { fault: "API server frozen (SIGSTOP) for some seconds", load: result, lost: result.failures.length, seen: `a new host served ${backMs} ms after it came back` });
    assert.deepEqual(result.failures, []);
  });

  it("loses its store, etcd killed and started again: traffic goes on, and nothing is taken away", async (test) => {
    const client = await connectXds(`127.0.0.1:${replica.xdsPort}`, 5000);
    const removed: XdsChange[] = [];
    await waitFor(() => client.firstCount("srds") !== undefined, { what: "the client has everything" });
    client.onChanges((changes) => void removed.push(...changes.filter(({ body }) => body === undefined)));
    const running = load(test);
    await world.api.killStore();
    const before = running.answered();
    await waitFor(() => running.answered() > before + 300, { what: "load without a store" });
    assert.notEqual((await world.api.request("GET", "/readyz")).status, 200);
    await world.api.restartStore();
    const backMs = await world.serveNewHost(203);
    const result = await running.stop();
    client.close();
    report(test, { fault: "etcd killed (SIGKILL), started again with its data", load: result, lost: result.failures.length + removed.length, seen: `${removed.length} resources taken from Envoys; a new host served ${backMs} ms after the API server was ready` });
    assert.deepEqual(result.failures, []);
    assert.deepEqual(removed, []);
  });

  it("has forgotten what the watches ask for (410 Gone after a compaction): all is read again, also what was deleted", async (test) => {
    const running = load(test);
    const before = await world.metric(replica, /^contour_watch_failures_total\{kind="HTTPProxy",status="410"\}/);
    way.setTargets([]);
    way.cut();
    await world.api.remove(proxyOf(1));
    await world.api.apply([proxyOf(2, { pathRewritePolicy: { replacePrefix: [{ replacement: "/changed" }] }, conditions: [{ prefix: "/only" }] }), proxyOf(202)]);
    await world.api.compact();
    await world.api.restart();
    way.setTargets([securePort()]);
    const began = performance.now();
    await waitFor(async () => (await world.status(hostOf(202))) === 200, { what: `what was made is served\n${replica.process.logTail()}` });
    await waitFor(async () => (await world.status(hostOf(1))) === 404, { what: "what was deleted is gone" });
    await waitFor(async () => (await world.status(hostOf(2))) === 404 && (await world.status(hostOf(2), "/only")) === 200, { what: "what was changed is changed" });
    const ms = Math.round(performance.now() - began);
    const gone = await world.metric(replica, /^contour_watch_failures_total\{kind="HTTPProxy",status="410"\}/);
    const result = await running.stop();
    report(test, { fault: "watch broken, etcd compacted, API server restarted: 410 Gone", load: result, lost: result.failures.length, seen: `${gone - before} × 410; everything as it should be ${ms} ms after the way was open again` });
    assert.ok(gone > before, "the API server said 410");
    assert.deepEqual(result.failures, []);
  });

  it("all connections to it are cut again and again while objects change: no change is lost", async (test) => {
    const running = load(test);
    const cutting = setInterval(() => way.cut(), 120);
    const changes = 60;
    for (let i = 0; i < changes; i++) {
      await world.api.apply([proxyOf(300 + (i % 20), { conditions: [{ prefix: `/round-${i}` }] })]);
      if (i % 5 === 4) await world.api.remove(proxyOf(300 + (i % 20)));
    }
    clearInterval(cutting);
    const began = performance.now();
    let lost = 0;
    for (let i = changes - 20; i < changes; i++) {
      const wanted = i % 5 === 4 ? 404 : 200;
      await waitFor(async () => (await world.status(hostOf(300 + (i % 20)), `/round-${i}`)) === wanted, { what: `change ${i}` }).catch(() => (lost += 1));
    }
    const ms = Math.round(performance.now() - began);
    const result = await running.stop();
    report(test, { fault: `all connections to the API server cut every 120 ms, during ${changes} changes`, load: result, lost: result.failures.length + lost, seen: `the last state of all objects served ${ms} ms after the last cut` });
    assert.equal(lost, 0);
    assert.deepEqual(result.failures, []);
  });
});
