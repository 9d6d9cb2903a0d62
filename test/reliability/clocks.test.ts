import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { otherClock } from "../bed/cache.ts";
import { waitFor } from "../bed/wait.ts";
import { report } from "./report.ts";
import { recordStatusWrites } from "./status-writes.ts";
import { World, proxyOf, shortLease } from "./world.ts";
import type { Replica } from "./world.ts";

const { leaseMs, retryMs, flags: lease } = shortLease;
const offsets = ["-1h", "+0", "+1h"];
const rounds = 3;

describe("replicas whose clocks are hours apart", { timeout: 240_000 }, () => {
  const audit = recordStatusWrites();
  const byUser = new Map<string, Replica>();
  let world: World;
  before(async () => {
    world = await World.open({ args: audit.args });
    for (const offset of offsets) await startReplica(offset, 0);
  });
  after(async () => {
    await world?.close();
    audit.remove();
  });

  async function startReplica(offset: string, round: number): Promise<void> {
    const user = `replica-${offsets.indexOf(offset)}-${round}`;
    const { kubeconfigPath, client } = await world.api.addUser(user, ["system:masters"]);
    client.close();
    byUser.set(user, await world.startReplicaAt({ kubeconfigPath, folder: world.api.folder, env: otherClock(offset) }, ...lease));
  }

  const leaders = async (): Promise<readonly string[]> => {
    const alive = [...byUser].filter(([, { process }]) => !process.exited());
    const leading = await Promise.all(alive.map(async ([user, replica]) => ((await world.metric(replica, /^leader_election_master_status\{/)) === 1 ? [user] : [])));
    return leading.flat();
  };

  it("tell another time, which is what this test is about", async () => {
    const dates = await Promise.all([...byUser.values()].map(async ({ httpPort }) => Date.parse((await fetch(`http://127.0.0.1:${httpPort}/healthz`)).headers.get("date") ?? "")));
    const [early = 0, now = 0, late = 0] = dates;
    assert.ok(now - early > 3_500_000 && late - now > 3_500_000, String(dates));
  });

  it("one of them leads, and when it is killed another one does within the lease, whatever their clocks say", async (test) => {
    const took: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const [old, ...others] = await waitFor(async () => { const found = await leaders(); return found.length > 0 ? found : undefined; }, { what: "somebody leads", intervalMs: 20 });
      assert.deepEqual(others, []);
      const victim = byUser.get(old ?? "");
      assert.ok(victim);
      await world.killReplica(victim);
      const killed = performance.now();
      await world.api.apply([proxyOf(round, { services: [{ name: "gone", port: 80 }] })]);
      await world.untilProxy(round, "invalid");
      took.push(Math.round(performance.now() - killed));
      await startReplica(offsets[(round - 1) % offsets.length] ?? "", round);
    }
    // Whoever wrote never writes again once another one has.
    const terms = audit.read().map(({ user }) => user).filter((user, i, users) => user !== users[i - 1]);
    const late = terms.length - new Set(terms).size;
    report(test, { fault: `clocks of three replicas an hour apart each, the leader killed ${rounds} times, a lease of ${leaseMs / 1000} s`, lost: late, seen: `the next status written ${Math.max(...took)} ms after a kill, at the latest; ${terms.length} leaders one after another, ${late} writes of an earlier one` });
    assert.equal(late, 0, terms.join("; "));
    assert.equal(terms.length, rounds + 1);
    for (const ms of took) assert.ok(ms < leaseMs + 4 * retryMs + 1000, `${ms} ms`);
  });
});
