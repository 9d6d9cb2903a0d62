import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { report } from "./report.ts";
import { World, hostOf, proxyOf, shortLease, sliceOf } from "./world.ts";
import type { Replica } from "./world.ts";
import { startWrk } from "./wrk.ts";

const connections = 64;
const changes = 30;

describe("everything that an operator does in a day, under the load of wrk", { timeout: 240_000 }, () => {
  let world: World;
  before(async () => {
    world = await World.open();
    await world.api.apply([configuration({})]);
    for (let i = 0; i < 2; i++) await startReplica();
    await world.startEnvoy();
  });
  after(async () => await world?.close());

  // The one that is killed may be the leader.
  const startReplica = (): Promise<object> => world.startReplica("--contour-config-name", "contour", ...shortLease.flags);
  const configuration = (envoy: object): Parameters<World["api"]["apply"]>[0][number] => ({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec: { envoy } } as never);
  const reloadedAt = (replica: Replica): Promise<number> => world.metric(replica, /^contour_configuration_last_reload_success_timestamp_seconds /);
  const otherServed = async (path: string): Promise<void> => void (await waitFor(async () => (await world.status(hostOf(1), path)) === 200, { what: `${path} is served`, timeoutMs: 20_000, intervalMs: 10 }));

  it("routes, endpoints and configuration change, controllers are upgraded and killed: no request is lost", async (test) => {
    const configuredAt = new Map<Replica, number>();
    for (const replica of world.replicas) configuredAt.set(replica, await reloadedAt(replica));
    const load = startWrk({ url: `http://127.0.0.1:${world.httpPort}/`, host: hostOf(7), connections, longestSeconds: 200 }, world.api.folder);
    const [first, second] = sliceOf(...world.backends.map(({ port }) => port));
    assert.ok(first !== undefined && second !== undefined);
    for (let i = 0; i < changes; i++) {
      await world.api.apply([proxyOf(1, { conditions: [{ prefix: `/day-${i}` }] })]);
      await (i % 2 === 0 ? world.api.remove(second) : world.api.apply([second]));
      await otherServed(`/day-${i}`);
    }
    await world.api.apply([second, configuration({ timeouts: { streamIdleTimeout: "4m" } }), proxyOf(7, { timeoutPolicy: { response: "9s" } })]);
    for (const replica of world.replicas) await waitFor(async () => (await reloadedAt(replica)) > (configuredAt.get(replica) ?? 0), { what: "the changed configuration is in force", intervalMs: 20 });
    for (const replica of [...world.replicas]) {
      await startReplica();
      world.replicas.splice(world.replicas.indexOf(replica), 1);
      world.balancer.setTargets(world.replicas.map(({ xdsPort }) => xdsPort));
      await replica.process.stop(20_000);
    }
    const [victim] = world.replicas;
    assert.ok(victim);
    await world.killReplica(victim);
    const servedMs = await world.serveNewHost(500);
    await world.untilProxy(500, "valid");
    const result = await load.stop();
    report(test, { fault: `${changes} changes of routes and endpoints, one of the configuration, both replicas upgraded and one killed, under wrk`, load: result, lost: result.failures.length, seen: `a new host served ${servedMs} ms after the kill` });
    assert.deepEqual(result.failures, []);
    assert.ok(result.requests > 1000, `${result.requests} requests`);
  });
});
