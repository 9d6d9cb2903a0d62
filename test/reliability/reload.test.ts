import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { World, hosts, sliceOf } from "./world.ts";

const configuration = (spec: object): TestObject => ({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec }) as TestObject;
const flags = ["--contour-config-name", "contour"];

describe("what serves is changed under load", { timeout: 240_000 }, () => {
  let world: World;
  before(async () => {
    world = await World.open();
    await world.api.apply([configuration({})]);
    await world.startReplica(...flags);
    await world.startEnvoy();
  });
  after(() => world?.close());

  it("the configuration of the installation: listeners are replaced while the controller runs, and no request is lost", async (test) => {
    const [replica] = world.replicas;
    const [envoy] = world.envoys;
    assert.ok(replica !== undefined && envoy !== undefined);
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    await waitFor(() => load.answered() > 200, { what: "load" });
    const changes = [
      { envoy: { timeouts: { requestTimeout: "20s" } } },
      { envoy: { timeouts: { requestTimeout: "30s", connectionIdleTimeout: "50s" }, listener: { serverHeaderTransformation: "pass_through" } } },
      { policy: { responseHeaders: { set: { "x-edge": "one" } } } },
      { envoy: { timeouts: { connectTimeout: "5s" } } },
    ];
    const taken = async (): Promise<number> => (await Promise.all(["listener_manager.listener_modified", "listener_manager.listener_in_place_updated", "cluster_manager.cluster_modified", "http.ingress_http.scoped_rds.ingress_http.update_success"].map((name) => envoy.stat(name)))).reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : value), 0);
    const connects = (): Promise<number> => envoy.stat("cluster.contour.upstream_cx_total");
    const [streams, times] = [await connects(), [] as number[]];
    for (const spec of changes) {
      const before = await taken();
      const started = performance.now();
      await world.api.apply([configuration(spec)]);
      await waitFor(async () => (await taken()) > before, { what: "Envoy has what changed", intervalMs: 5 });
      times.push(Math.round(performance.now() - started));
      const answered = load.answered();
      await waitFor(() => load.answered() > answered + 200, { what: "load" });
    }
    const result = await load.stop();
    const reconnects = (await connects()) - streams;
    report(test, { fault: `ContourConfiguration changed ${changes.length} times while the controller runs`, load: result, lost: result.failures.length, seen: `Envoy had the change ${Math.max(...times)} ms after it was written, at the latest; ${reconnects} xDS streams broken; 0 restarts` });
    assert.deepEqual(result.failures, []);
    assert.equal(reconnects, 0, "Envoy keeps its stream");
    assert.equal(replica.process.exited(), false, "the controller is the same");
  });

  it("endpoints come and go: no request is lost", async (test) => {
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    const [one, two] = world.backends.map(({ port }) => port);
    assert.ok(one !== undefined && two !== undefined);
    const [, second] = sliceOf(one, two);
    assert.ok(second);
    for (let round = 0; round < 30; round++) {
      if (round % 2 === 0) await world.api.remove(second);
      else await world.api.apply([second]);
      const answered = load.answered();
      await waitFor(() => load.answered() > answered + 30, { what: "load", intervalMs: 5 });
    }
    const result = await load.stop();
    report(test, { fault: "one of two endpoints taken away and put back, 30 changes", load: result, lost: result.failures.length, seen: "every change served within the load" });
    assert.deepEqual(result.failures, []);
  });
});
