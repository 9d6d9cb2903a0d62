import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { clusterType, endpointsType, listenerType, routeType, scopeType, secretType } from "#xds/types";
import { cluster, PlayedEnvoy, resource, startRig, variants } from "./rig.ts";
import type { Rig, Variant } from "./rig.ts";

for (const variant of variants) describe(`xDS ${variant.mode}, ${variant.aggregated ? "one stream" : "a stream per type"}`, () => suite(variant));

function suite(variant: Variant): void {
  let rig: Rig;
  let envoy: PlayedEnvoy;
  beforeEach(async () => {
    rig = await startRig();
    envoy = new PlayedEnvoy(`127.0.0.1:${rig.server.port}`, variant);
  });
  afterEach(async () => {
    envoy.close();
    await rig.server.close();
  });

  function subscribeAll(): void {
    envoy.onResponse = (seen) => {
      if (seen.type !== clusterType) return;
      const missing = seen.upserts.map(({ name }) => name).filter((name) => !subscribed.has(name));
      for (const name of missing) subscribed.add(name);
      if (missing.length > 0) envoy.subscribe(endpointsType, missing);
    };
    const subscribed = new Set<string>();
    envoy.subscribe(clusterType);
    envoy.subscribe(listenerType);
    envoy.subscribe(scopeType);
  }

  function host(name: string, text: string) {
    return [cluster(`c-${name}`, text), resource(endpointsType, `c-${name}`, text), resource(scopeType, name, text)];
  }

  it("answers the first wildcard request of an empty world", async () => {
    envoy.subscribe(clusterType);
    envoy.subscribe(listenerType);
    await envoy.until("two answers", () => envoy.seen.length === 2);
    assert.deepEqual(envoy.seen.map(({ upserts }) => upserts.length), [0, 0]);
  });

  it("sends everything that is there, and then only what changes", async () => {
    rig.store.apply({ upserts: [resource(listenerType, "a", "1"), resource(listenerType, "b", "1")], removals: [] });
    envoy.subscribe(listenerType);
    await envoy.until("both", () => envoy.text(listenerType, "b") === "1");
    rig.store.apply({ upserts: [resource(listenerType, "b", "2")], removals: [{ type: listenerType, name: "a" }] });
    await envoy.until("the change", () => envoy.text(listenerType, "b") === "2");
    assert.equal(envoy.text(listenerType, "a"), undefined);
    await envoy.quiet();
    assert.equal(envoy.seen.length, 2);
  });

  it("sends nothing when the same bytes are applied again", async () => {
    rig.store.apply({ upserts: [resource(listenerType, "a", "1")], removals: [] });
    envoy.subscribe(listenerType);
    await envoy.until("a", () => envoy.text(listenerType, "a") === "1");
    rig.store.apply({ upserts: [resource(listenerType, "a", "1")], removals: [] });
    await envoy.quiet();
    assert.equal(envoy.seen.length, 1);
  });

  it("gives several changes of one turn in one response", async () => {
    envoy.subscribe(scopeType);
    await envoy.until("answer", () => envoy.seen.length === 1);
    for (const name of ["a", "b", "c"]) rig.store.apply({ upserts: [resource(scopeType, name, "1")], removals: [] });
    await envoy.until("c", () => envoy.text(scopeType, "c") === "1");
    assert.equal(envoy.seen.length, 2);
  });

  it("sends named resources when they appear", async () => {
    rig.store.apply({ upserts: [resource(secretType, "other", "0")], removals: [] });
    envoy.subscribe(secretType, ["s"]);
    await envoy.quiet();
    rig.store.apply({ upserts: [resource(secretType, "s", "1")], removals: [] });
    await envoy.until("s", () => envoy.text(secretType, "s") === "1");
    assert.equal(envoy.text(secretType, "other"), undefined);
    envoy.subscribe(secretType, ["other"]);
    await envoy.until("other", () => envoy.text(secretType, "other") === "0");
  });

  it("makes clusters and endpoints before the routes that use them", async () => {
    subscribeAll();
    await envoy.until("answers", () => envoy.seen.length === 3);
    envoy.silentOn.add(clusterType).add(endpointsType);
    const [cds] = await seenAfter(() => rig.store.apply({ upserts: host("h", "1").reverse(), removals: [] }), 1);
    assert.equal(cds?.type, clusterType);
    await envoy.until("endpoints", () => envoy.seen.some(({ type }) => type === endpointsType));
    envoy.answer(cds!);
    await envoy.quiet();
    assert.equal(envoy.seen.some(({ upserts }) => upserts.some(({ name }) => name === "h")), false);
    envoy.answer(envoy.seen.findLast(({ type }) => type === endpointsType)!);
    await envoy.until("scope", () => envoy.text(scopeType, "h") === "1");
  });

  it("breaks routes before the clusters they used", async () => {
    subscribeAll();
    rig.store.apply({ upserts: host("h", "1"), removals: [] });
    await envoy.until("scope", () => envoy.text(scopeType, "h") === "1");
    envoy.silentOn.add(scopeType);
    const names = host("h", "1").map(({ type, name }) => ({ type, name }));
    const [srds] = await seenAfter(() => rig.store.apply({ upserts: [], removals: names }), 1);
    assert.deepEqual([srds?.type, srds?.removed], [scopeType, ["h"]]);
    await envoy.quiet();
    assert.equal(envoy.text(clusterType, "c-h"), "1");
    envoy.answer(srds!);
    await envoy.until("cluster is gone", () => envoy.text(clusterType, "c-h") === undefined);
  });

  it("never holds back endpoints, nor routes that came before a cluster", async () => {
    subscribeAll();
    rig.store.apply({ upserts: host("h", "1"), removals: [] });
    await envoy.until("scope", () => envoy.text(scopeType, "h") === "1");
    envoy.silentOn.add(clusterType);
    rig.store.apply({ upserts: [resource(scopeType, "h", "2")], removals: [] });
    rig.store.apply({ upserts: host("later", "1"), removals: [] });
    rig.store.apply({ upserts: [resource(endpointsType, "c-h", "2")], removals: [] });
    await envoy.until("both", () => envoy.text(scopeType, "h") === "2" && envoy.text(endpointsType, "c-h") === "2");
    assert.equal(envoy.text(scopeType, "later"), undefined);
  });

  it("sends the endpoints of a changed cluster again, after the cluster", async () => {
    subscribeAll();
    rig.store.apply({ upserts: host("h", "1"), removals: [] });
    await envoy.until("scope", () => envoy.text(scopeType, "h") === "1");
    const count = envoy.seen.length;
    // Over ADS, Envoy acknowledges a cluster only when its endpoints are there; streams of their own need the order.
    if (variant.aggregated) envoy.silentOn.add(clusterType);
    rig.store.apply({ upserts: [cluster("c-h", "2")], removals: [] });
    await envoy.until("two more", () => envoy.seen.length === count + 2);
    assert.deepEqual(envoy.seen.slice(count).map(({ type }) => type), [clusterType, endpointsType]);
  });

  it("does not wait for ever for endpoints that are never asked for", async () => {
    envoy.subscribe(clusterType);
    envoy.subscribe(scopeType);
    await envoy.until("answers", () => envoy.seen.length === 2);
    rig.store.apply({ upserts: host("h", "1"), removals: [] });
    await envoy.until("cluster", () => envoy.text(clusterType, "c-h") === "1");
    await envoy.quiet();
    assert.equal(envoy.text(scopeType, "h"), undefined);
    rig.timers.at(-1)?.run();
    await envoy.until("scope", () => envoy.text(scopeType, "h") === "1");
  });

  it("isolates a refused resource, lands the others, and keeps the last good one", async () => {
    envoy.refuses = (text) => text.startsWith("bad");
    rig.store.apply({ upserts: many("1"), removals: [] });
    envoy.subscribe(scopeType);
    await envoy.until("all", () => envoy.held.get(scopeType)?.size === 20);
    rig.store.apply({ upserts: [...many("2").slice(0, 19), resource(scopeType, "s19", "bad")], removals: [] });
    await envoy.until("the nack", () => rig.nacks.length === 1 && many("2").slice(0, 19).every(({ name }) => envoy.text(scopeType, name) === "2"));
    assert.equal(envoy.text(scopeType, "s19"), "1");
    assert.deepEqual(rig.nacks.map(({ name, message }) => [name, message]), [["s19", "bad resource s19"]]);
    const count = envoy.seen.length;
    await envoy.quiet();
    assert.equal(envoy.seen.length, count);
  });

  it("serves the last good version to an Envoy that comes later, and tries again when the bytes change", async () => {
    envoy.refuses = (text) => text.startsWith("bad");
    rig.store.apply({ upserts: [resource(listenerType, "l", "1")], removals: [] });
    envoy.subscribe(listenerType);
    await envoy.until("l", () => envoy.text(listenerType, "l") === "1");
    rig.store.apply({ upserts: [resource(listenerType, "l", "bad")], removals: [] });
    await envoy.until("the nack", () => rig.nacks.length === 1);
    const late = new PlayedEnvoy(`127.0.0.1:${rig.server.port}`, variant);
    late.subscribe(listenerType);
    await late.until("good", () => late.text(listenerType, "l") === "1");
    late.close();
    rig.store.apply({ upserts: [resource(listenerType, "l", "2")], removals: [] });
    await envoy.until("repaired", () => envoy.text(listenerType, "l") === "2");
    await envoy.until("recovered", () => rig.recovered.length === 1);
    assert.equal(rig.nacks.length, 1);
  });

  it("tells that a resource recovered when its last good bytes come back", async () => {
    envoy.refuses = (text) => text.startsWith("bad");
    envoy.subscribe(listenerType);
    for (const text of ["1", "bad", "1"]) {
      rig.store.apply({ upserts: [resource(listenerType, "l", text)], removals: [] });
      await envoy.until(text, () => (text === "bad" ? rig.nacks.length === 1 : envoy.text(listenerType, "l") === text));
    }
    await envoy.until("recovered", () => rig.recovered.length === 1);
  });

  it("a resource that was bad from the first does not spoil the others", async () => {
    envoy.refuses = (text) => text.startsWith("bad");
    rig.store.apply({ upserts: [...many("1"), resource(scopeType, "x", "bad")], removals: [] });
    envoy.subscribe(scopeType);
    await envoy.until("others", () => envoy.held.get(scopeType)?.size === 20 && rig.nacks.length === 1);
    await envoy.quiet();
    assert.equal(rig.nacks.length, 1);
  });

  it("keeps the newest state for an Envoy that does not answer", async () => {
    envoy.subscribe(routeType, ["r"]);
    envoy.silentOn.add(routeType);
    for (let i = 0; i < 200; i += 1) {
      rig.store.apply({ upserts: [resource(routeType, "r", String(i))], removals: [] });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await envoy.quiet();
    assert.ok(envoy.seen.length <= 64, `${envoy.seen.length} responses`);
    envoy.silentOn.clear();
    for (const seen of envoy.seen.slice()) envoy.answer(seen);
    await envoy.until("the newest", () => envoy.text(routeType, "r") === "199");
  });

  async function seenAfter(act: () => void, count: number) {
    const before = envoy.seen.length;
    act();
    await envoy.until(`${count} responses`, () => envoy.seen.length >= before + count);
    return envoy.seen.slice(before);
  }
}

function many(text: string) {
  return Array.from({ length: 20 }, (_, i) => resource(scopeType, `s${i}`, text));
}
