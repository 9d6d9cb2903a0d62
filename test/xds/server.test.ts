import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Registry } from "prom-client";
import { createXdsMetrics } from "#metrics/xds";
import { clusterType, endpointsType, listenerType, scopeType, secretType } from "#xds/types";
import { cluster, PlayedEnvoy, resource, startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const delta = { mode: "delta", aggregated: true } as const;

describe("the xDS server", () => {
  let rig: Rig;
  let envoy: PlayedEnvoy;
  beforeEach(async () => {
    rig = await startRig();
    envoy = connect();
  });
  afterEach(async () => {
    envoy.close();
    await rig.server.close();
  });

  function connect(): PlayedEnvoy {
    return new PlayedEnvoy(`127.0.0.1:${rig.server.port}`, delta);
  }

  it("sends no resource to an Envoy that comes back to an unchanged world, even to a new controller", async () => {
    const world = [cluster("c", "1"), resource(endpointsType, "c", "1"), resource(scopeType, "s", "1")];
    rig.store.apply({ upserts: world, removals: [] });
    envoy.subscribe(clusterType);
    envoy.subscribe(endpointsType, ["c"]);
    envoy.subscribe(scopeType);
    await envoy.until("all", () => envoy.text(scopeType, "s") === "1");
    const restarted = await startRig();
    restarted.store.apply({ upserts: world.toReversed(), removals: [] });
    const again = new PlayedEnvoy(`127.0.0.1:${restarted.server.port}`, delta);
    const versions = (type: typeof clusterType | typeof endpointsType | typeof scopeType) => Object.fromEntries(envoy.versions.get(type) ?? []);
    again.subscribe(clusterType, [], versions(clusterType));
    again.subscribe(endpointsType, ["c"], versions(endpointsType));
    again.subscribe(scopeType, [], versions(scopeType));
    await again.until("answers", () => again.seen.length >= 2);
    await again.quiet();
    assert.deepEqual(again.seen.map(({ upserts, removed }) => [...upserts, ...removed]), [[], []]);
    restarted.store.apply({ upserts: [resource(endpointsType, "c", "2")], removals: [] });
    await again.until("endpoints", () => again.text(endpointsType, "c") === "2");
    again.close();
    await restarted.server.close();
  });

  it("sends nothing of a listener that becomes what an Envoy has when that is heard", async () => {
    const known = [resource(listenerType, "l", "as it was")];
    const before = await startRig();
    before.store.apply({ upserts: known, removals: [] });
    const version = before.store.newest(listenerType, "l")?.version ?? "";
    const now = await startRig({ onHeld: (held) => { if (held.version === version) now.store.apply({ upserts: known, removals: [] }); } });
    now.store.apply({ upserts: [resource(listenerType, "l", "as it is now")], removals: [] });
    const back = new PlayedEnvoy(`127.0.0.1:${now.server.port}`, delta);
    back.subscribe(listenerType, [], { l: version });
    await back.until("an answer", () => back.seen.length > 0);
    await back.quiet();
    assert.deepEqual(back.seen.flatMap(({ upserts, removed }) => [...upserts, ...removed]), []);
    back.close();
    await before.server.close();
    await now.server.close();
  });

  it("hears of the listeners that an Envoy has already, in their newest version only", async () => {
    const acks: string[] = [];
    const held: string[] = [];
    const heard = await startRig({ onAck: ({ name, version }) => acks.push(`${name} ${version}`), onHeld: ({ name, version }) => held.push(`${name} ${version}`) });
    heard.store.apply({ upserts: [resource(listenerType, "same", "1"), resource(listenerType, "changed", "2")], removals: [] });
    const version = heard.store.newest(listenerType, "same")?.version ?? "";
    const back = new PlayedEnvoy(`127.0.0.1:${heard.server.port}`, delta);
    back.subscribe(listenerType, [], { same: version, changed: "old" });
    await back.until("the changed one", () => back.text(listenerType, "changed") === "2");
    await back.quiet();
    assert.deepEqual(held, [`same ${version}`, "changed old"]);
    assert.deepEqual(acks, [`same ${version}`, `changed ${heard.store.newest(listenerType, "changed")?.version}`]);
    back.close();
    await heard.server.close();
  });

  it("tells an Envoy that comes back what is gone and what changed meanwhile", async () => {
    rig.store.apply({ upserts: [resource(listenerType, "a", "2"), resource(listenerType, "b", "1")], removals: [] });
    envoy.subscribe(listenerType, [], { a: "old", gone: "old" });
    await envoy.until("answer", () => envoy.seen.length > 0);
    assert.deepEqual(envoy.seen[0]?.upserts.map(({ name }) => name).toSorted(), ["a", "b"]);
    assert.deepEqual(envoy.seen[0]?.removed, ["gone"]);
  });

  it("answers at once for a name that does not exist", async () => {
    envoy.subscribe(endpointsType, ["none"]);
    envoy.subscribe(secretType, ["none"]);
    await envoy.until("answers", () => envoy.seen.length === 2);
    assert.deepEqual(envoy.seen.map(({ removed }) => removed), [["none"], ["none"]]);
  });

  it("sends a name again that is asked for again, and not after it was given up", async () => {
    rig.store.apply({ upserts: [resource(secretType, "s", "1")], removals: [] });
    envoy.subscribe(secretType, ["s"]);
    await envoy.until("s", () => envoy.seen.length === 1);
    envoy.subscribe(secretType, ["s"]);
    await envoy.until("s again", () => envoy.seen.length === 2);
    envoy.unsubscribe(secretType, ["s"]);
    await envoy.quiet();
    rig.store.apply({ upserts: [resource(secretType, "s", "2")], removals: [] });
    await envoy.quiet();
    assert.equal(envoy.seen.length, 2);
  });

  it("cuts large worlds into several responses", async () => {
    const large = "x".repeat(100_000);
    rig.store.apply({ upserts: Array.from({ length: 30 }, (_, i) => resource(scopeType, `s${i}`, large)), removals: [] });
    envoy.subscribe(scopeType);
    await envoy.until("all", () => envoy.held.get(scopeType)?.size === 30);
    assert.ok(envoy.seen.length >= 3 && envoy.seen.every(({ bytes }) => bytes <= 2 ** 20 + 1000), `${envoy.seen.map(({ bytes }) => bytes)}`);
  });

  it("builds nothing for a reader that is slow, and then sends the newest state", async () => {
    envoy.subscribe(scopeType);
    await envoy.until("answer", () => envoy.seen.length === 1);
    envoy.pause(scopeType);
    const registry = new Registry();
    void registry;
    for (let i = 0; i < 300; i += 1) {
      rig.store.apply({ upserts: [resource(scopeType, "s", `${i}:${"x".repeat(50_000)}`)], removals: [] });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await envoy.quiet();
    envoy.resume(scopeType);
    await envoy.until("the newest", () => envoy.text(scopeType, "s")?.startsWith("299:") === true);
    assert.ok(envoy.seen.length < 100, `${envoy.seen.length} responses for 300 changes`);
  });

  it("sends an Envoy away that belongs to no fleet", async () => {
    const strict = await startRig({ fleetOf: () => undefined });
    const stranger = new PlayedEnvoy(`127.0.0.1:${strict.server.port}`, delta);
    stranger.subscribe(clusterType);
    await stranger.until("the refusal", () => stranger.error !== undefined);
    assert.match(String(stranger.error), /NOT_FOUND.*no configuration for node "played"/);
    stranger.close();
    await strict.server.close();
  });

  it("makes a resource on demand when the store is told how", async () => {
    let text = "1";
    const { createResourceStore } = await import("#xds/store");
    const store = createResourceStore({ resolveMissing: (type, name) => (type === secretType && name.endsWith(".test") ? Buffer.from(`${name}=${text}`) : undefined) });
    const onDemand = await startRig({ fleetOf: () => store });
    const asker = new PlayedEnvoy(`127.0.0.1:${onDemand.server.port}`, delta);
    asker.subscribe(secretType, ["a.test", "b.example"]);
    await asker.until("a.test", () => asker.text(secretType, "a.test") === "1");
    assert.deepEqual(asker.seen[0]?.removed, ["b.example"]);
    text = "2";
    store.refresh(secretType, ["a.test", "never-asked.test"]);
    await asker.until("a.test again", () => asker.text(secretType, "a.test") === "2");
    assert.equal(asker.seen.length, 2);
    asker.close();
    await onDemand.server.close();
  });

  it("does not remove from an Envoy what it still holds when a new controller's only version is refused", async () => {
    rig.store.apply({ upserts: [resource(scopeType, "s", "bad")], removals: [] });
    envoy.refuses = (text) => text === "bad";
    envoy.subscribe(scopeType, [], { s: "good-version-of-before" });
    await envoy.until("the nack", () => rig.nacks.length === 1);
    await envoy.quiet();
    assert.equal(envoy.seen.some(({ removed }) => removed.length > 0), false);
  });

  it("keeps the clusters of a refused route's last good version", async () => {
    envoy.refuses = (text) => text === "bad";
    rig.store.apply({ upserts: [resource(scopeType, "s", "1"), cluster("old", "1")], removals: [] });
    envoy.subscribe(clusterType);
    envoy.subscribe(endpointsType, ["old", "new"]);
    envoy.subscribe(scopeType);
    await envoy.until("s", () => envoy.text(scopeType, "s") === "1");
    rig.store.apply({ upserts: [resource(scopeType, "s", "bad"), cluster("new", "1")], removals: [{ type: clusterType, name: "old" }] });
    await envoy.until("the nack", () => rig.nacks.length === 1);
    await envoy.quiet();
    assert.equal(envoy.text(clusterType, "old"), "1");
    rig.store.apply({ upserts: [resource(scopeType, "s", "2")], removals: [] });
    await envoy.until("old is gone", () => envoy.text(clusterType, "old") === undefined);
    assert.equal(envoy.text(scopeType, "s"), "2");
  });

  it("counts what happens", async () => {
    const registry = new Registry();
    const counted = await startRig({ metrics: createXdsMetrics(registry) });
    const one = new PlayedEnvoy(`127.0.0.1:${counted.server.port}`, delta);
    one.refuses = (text) => text === "bad";
    one.subscribe(scopeType);
    counted.store.apply({ upserts: [resource(scopeType, "s", "1")], removals: [], at: performance.now() });
    await one.until("s", () => one.text(scopeType, "s") === "1");
    counted.store.apply({ upserts: [resource(scopeType, "s", "bad")], removals: [] });
    await one.until("the nack", () => counted.nacks.length === 1);
    const text = await registry.metrics();
    for (const line of ['contour_xds_streams{type="ads",mode="delta"} 1', "contour_xds_connected_envoys 1", 'contour_xds_nacks_total{type="srds"} 1', 'contour_xds_pushes_total{type="srds"}', 'contour_xds_pushed_bytes_total{type="srds"}', 'contour_xds_acks_total{type="srds"}'])
      assert.ok(text.includes(line), `${line} in\n${text}`);
    one.close();
    await one.until("it left", () => true);
    const left = async (): Promise<boolean> => (await registry.metrics()).includes("contour_xds_connected_envoys 0");
    while (!(await left())) await new Promise((resolve) => setTimeout(resolve, 10));
    await counted.server.close();
  });
});
