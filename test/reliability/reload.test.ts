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

  it("the configuration of the installation: listeners are replaced, and no request is lost", async (test) => {
    const [replica] = world.replicas;
    const [envoy] = world.envoys;
    assert.ok(replica !== undefined && envoy !== undefined);
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    await waitFor(() => load.answered() > 200, { what: "load" });
    const changes = [{ timeouts: { requestTimeout: "20s" } }, { timeouts: { requestTimeout: "30s", connectionIdleTimeout: "50s" }, listener: { serverHeaderTransformation: "pass_through" } }, { timeouts: { requestTimeout: "40s" } }];
    const modified = (): Promise<number> => envoy.stat("listener_manager.listener_modified");
    let restarts = 0;
    for (const envoySpec of changes) {
      const before = (await modified()) + (await envoy.stat("listener_manager.listener_in_place_updated"));
      await world.api.apply([configuration({ envoy: envoySpec })]);
      const [current] = world.replicas;
      assert.ok(current);
      await current.process.stop();
      world.replicas.length = 0;
      await world.startReplica(...flags);
      restarts += 1;
      await waitFor(async () => (await modified()) + (await envoy.stat("listener_manager.listener_in_place_updated")) > before, { what: "Envoy has another listener" });
      const answered = load.answered();
      await waitFor(() => load.answered() > answered + 200, { what: "load" });
    }
    const result = await load.stop();
    report(test, { fault: `ContourConfiguration changed ${changes.length} times, and the controller restarted for each`, load: result, lost: result.failures.length, seen: `listeners replaced ${restarts} times` });
    assert.deepEqual(result.failures, []);
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
