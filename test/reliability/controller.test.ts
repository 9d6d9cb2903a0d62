import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { World, hosts, proxyOf } from "./world.ts";

describe("the controller goes away under load", { timeout: 240_000 }, () => {
  let world: World;
  before(async () => {
    world = await World.open();
    await world.startReplica();
    await world.startEnvoy();
  });
  after(() => world?.close());

  it("kill -9, and a new one: no request is lost, and what changed meanwhile is served", async (test) => {
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    const [first] = world.replicas;
    assert.ok(first);
    await waitFor(() => load.answered() > 200, { what: "load" });
    await world.killReplica(first);
    await world.api.apply([proxyOf(0, { conditions: [{ prefix: "/" }], responseHeadersPolicy: { set: [{ name: "x-changed", value: "yes" }] } })]);
    await waitFor(() => load.answered() > 500, { what: "load while there is no controller" });
    const began = performance.now();
    const second = await world.startReplica();
    const startMs = Math.round(performance.now() - began);
    const servedMs = await world.serveNewHost(100);
    await waitFor(() => load.answered() > 800, { what: "load afterwards" });
    const result = await load.stop();
    report(test, { fault: "controller killed (SIGKILL), a new one started", load: result, lost: result.failures.length, seen: `new controller ready in ${startMs} ms; a new host served ${servedMs} ms after it was written` });
    assert.deepEqual(result.failures, []);
    assert.equal(await world.metric(second, /^contour_xds_connected_envoys /), 1);
  });

  it("a restart sends Envoy nothing that it has", async (test) => {
    const [replica] = world.replicas;
    assert.ok(replica);
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    await waitFor(() => load.answered() > 100, { what: "load" });
    await replica.process.stop();
    world.replicas.length = 0;
    const second = await world.startReplica();
    await waitFor(async () => (await world.metric(second, /^contour_xds_connected_envoys /)) === 1, { what: "Envoy is back" });
    await world.serveNewHost(101);
    const bytes = await world.metric(second, /^contour_xds_pushed_bytes_total\{type="srds"\}/);
    const result = await load.stop();
    report(test, { fault: "controller restarted (SIGTERM)", load: result, lost: result.failures.length, seen: `${bytes} bytes of scopes sent by the new controller: those of the one new host` });
    assert.deepEqual(result.failures, []);
    assert.ok(bytes < 2000, `${bytes} bytes`);
  });
});
