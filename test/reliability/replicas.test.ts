import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { recordStatusWrites } from "./status-writes.ts";
import { World, hosts, proxyOf, shortLease } from "./world.ts";
import type { Replica } from "./world.ts";

const { leaseMs, retryMs, flags: lease } = shortLease;

describe("one of several replicas goes away", { timeout: 240_000 }, () => {
  const audit = recordStatusWrites();
  const byUser = new Map<string, Replica>();
  let world: World;
  before(async () => {
    world = await World.open({ args: audit.args });
    await startReplica("replica-a");
    await startReplica("replica-b");
    await world.startEnvoy();
  });
  after(async () => {
    await world?.close();
    audit.remove();
  });

  async function startReplica(user: string): Promise<Replica> {
    const { kubeconfigPath, client } = await world.api.addUser(user, ["system:masters"]);
    client.close();
    const replica = await world.startReplicaAt({ kubeconfigPath, folder: world.api.folder }, ...lease);
    byUser.set(user, replica);
    return replica;
  }

  const leader = async (): Promise<string> => {
    for (const [user, replica] of byUser) if (!replica.process.exited() && (await world.metric(replica, /^leader_election_master_status\{/)) === 1) return user;
    throw new Error("nobody leads");
  };

  it("every replica serves Envoys, and one writes statuses", async () => {
    const leading = await waitFor(leader, { what: "somebody leads" });
    await world.untilProxy(0, "valid");
    assert.deepEqual([...new Set(audit.read().map(({ user }) => user))], [leading]);
    for (const replica of world.replicas) assert.equal(await world.metric(replica, /^contour_httpproxy\{/), replica === byUser.get(leading) ? hosts.length : 0);
  });

  it("the one that Envoy is connected to is killed: Envoy goes to the other one, and is sent nothing that it has", async (test) => {
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    await waitFor(() => load.answered() > 200, { what: "load" });
    const connected = await Promise.all(world.replicas.map((replica) => world.metric(replica, /^contour_xds_connected_envoys /)));
    const [victim, other] = connected[0] === 1 ? [world.replicas[0], world.replicas[1]] : [world.replicas[1], world.replicas[0]];
    assert.ok(victim !== undefined && other !== undefined);
    await world.killReplica(victim);
    const killed = performance.now();
    await waitFor(async () => (await world.metric(other, /^contour_xds_connected_envoys /)) === 1, { what: "Envoy is at the other one", intervalMs: 10 });
    const movedMs = Math.round(performance.now() - killed);
    const servedMs = await world.serveNewHost(400);
    const bytes = await world.metric(other, /^contour_xds_pushed_bytes_total\{type="srds"\}/);
    const result = await load.stop();
    report(test, { fault: "the replica that Envoy is connected to killed (SIGKILL)", load: result, lost: result.failures.length, seen: `Envoy at the other replica after ${movedMs} ms, ${bytes} bytes of scopes sent there: those of the one new host, served after ${servedMs} ms` });
    assert.deepEqual(result.failures, []);
    assert.ok(bytes < 2000, `${bytes} bytes`);
  });

  it("the leader is killed: another one writes within the time of the lease", async (test) => {
    const [left] = [...byUser].filter(([, { process }]) => !process.exited());
    assert.ok(left);
    await startReplica("replica-c");
    const old = await waitFor(leader, { what: "somebody leads", intervalMs: 20 });
    const victim = byUser.get(old);
    assert.ok(victim);
    await world.killReplica(victim);
    const killed = performance.now();
    await world.api.apply([proxyOf(5, { services: [{ name: "gone", port: 80 }] })]);
    await world.untilProxy(5, "invalid");
    const ms = Math.round(performance.now() - killed);
    report(test, { fault: `the leader killed (SIGKILL), a lease of ${leaseMs / 1000} s`, lost: 0, seen: `the other replica wrote the next status after ${ms} ms` });
    assert.ok(ms < leaseMs + 4 * retryMs + 1000, `${ms} ms`);
    await world.api.apply([proxyOf(5)]);
    await world.untilProxy(5, "valid");
  });

  it("the leader stands still and comes back: nothing is written by two", async (test) => {
    await startReplica("replica-d");
    const old = await waitFor(leader, { what: "somebody leads" });
    const sleeper = byUser.get(old);
    assert.ok(sleeper);
    sleeper.process.signal("SIGSTOP");
    await world.api.apply([proxyOf(6, { services: [{ name: "gone", port: 80 }] })]);
    await world.untilProxy(6, "invalid");
    const before = audit.read().filter(({ user }) => user === old).length;
    sleeper.process.signal("SIGCONT");
    await world.api.apply([proxyOf(6), proxyOf(7, { services: [{ name: "gone", port: 80 }] })]);
    await world.untilProxy(6, "valid");
    await world.untilProxy(7, "invalid");
    await waitFor(async () => (await world.metric(sleeper, /^contour_dag_cache_object\{kind="HTTPProxy"\}/)) > 0 && (await world.metric(sleeper, /^leader_election_master_status\{/)) === 0, { what: "the one that slept knows that it does not lead" });
    const late = audit.read().filter(({ user }) => user === old).length - before;
    const seen = audit.read().filter(({ object }) => object === "host-6");
    report(test, { fault: "the leader frozen (SIGSTOP) for longer than the lease, then woken", lost: late, seen: `${late} writes by the old leader after it woke up; ${seen.length} writes of the object that changed twice` });
    assert.equal(late, 0);
  });
});
