import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { World, hosts } from "./world.ts";

const connections = 8;

describe("an Envoy goes away under load", { timeout: 240_000 }, () => {
  let world: World;
  before(async () => {
    world = await World.open();
    await world.startReplica();
    await world.startEnvoy();
    await world.startEnvoy();
  });
  after(() => world?.close());

  it("kill -9 of one of two: what was on its way in it is lost, and nothing else", async (test) => {
    const load = startLoad(test, { port: world.httpPort, hosts, connections });
    await waitFor(() => load.answered() > 300, { what: "load" });
    const [victim] = world.envoys;
    assert.ok(victim);
    await world.killEnvoy(victim);
    await waitFor(() => load.answered() > 800, { what: "load on the other one" });
    const joined = await world.startEnvoy();
    await waitFor(async () => (await joined.stat("http.ingress_http.downstream_rq_2xx")) >= 0 && load.answered() > 1500, { what: "load with a new one" });
    const result = await load.stop();
    const { failures } = result;
    report(test, { fault: "one of two Envoys killed (SIGKILL), a new one started", load: result, lost: failures.length, because: "requests that were on their way in the killed Envoy; a client that may repeat them loses none", seen: `failed: ${failures.map(({ how }) => how).join(", ") || "none"}; the new Envoy answered nothing but 200` });
    assert.ok(failures.length <= connections, JSON.stringify(failures));
    // A connection that breaks is physics; an answer that is wrong would be ours.
    assert.deepEqual(failures.filter(({ how }) => /^\d+$/.test(how)), []);
    const [first, last] = [failures[0]?.atMs ?? 0, failures.at(-1)?.atMs ?? 0];
    assert.ok(last - first < 500, "all at the moment of the kill");
  });

  it("a new Envoy takes its first connection when it knows every host", async (test) => {
    for (const envoy of [...world.envoys]) await world.killEnvoy(envoy);
    const load = startLoad(test, { port: world.httpPort, hosts, connections });
    await waitFor(() => load.failures().length > 20, { what: "nobody listens" });
    await world.startEnvoy();
    await waitFor(() => load.answered() > 300, { what: "load on the new one" });
    const result = await load.stop();
    const wrong = result.failures.filter(({ how }) => /^\d+$/.test(how));
    report(test, { fault: "the only Envoy killed, and started again later", load: result, lost: result.failures.length, because: "nobody listened meanwhile", seen: `${result.failures.length} connections refused while there was no Envoy; ${wrong.length} wrong answers after that` });
    assert.deepEqual(wrong, []);
  });
});
