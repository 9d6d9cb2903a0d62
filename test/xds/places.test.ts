import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { PlacedContents } from "#xds/place";
import { endpointsType } from "#xds/types";
import type { ResourceUpsert } from "#xds/types";
import { PlayedEnvoy, resource, startRig, variants } from "./rig.ts";
import type { Rig, Variant } from "./rig.ts";

for (const variant of variants) describe(`resources that differ by place: xDS ${variant.mode}, ${variant.aggregated ? "one stream" : "a stream per type"}`, () => suite(variant));

function suite(variant: Variant): void {
  let rig: Rig;
  let zones: Map<string, string>;
  const envoys: PlayedEnvoy[] = [];
  let encoded: string[];

  beforeEach(async () => {
    zones = new Map([["a1", "a"], ["a2", "a"], ["b1", "b"]]);
    encoded = [];
    rig = await startRig({ placeOf: ({ id }) => ({ zone: zones.get(id) ?? "", node: "" }) });
  });
  afterEach(async () => {
    for (const envoy of envoys.splice(0)) envoy.close();
    await rig.server.close();
  });

  function join(id: string): PlayedEnvoy {
    const envoy = new PlayedEnvoy(`127.0.0.1:${rig.server.port}`, variant, undefined, id);
    envoys.push(envoy);
    envoy.subscribe(endpointsType, ["web"]);
    return envoy;
  }

  /** Contents for all, and for zones: `zone:text`. */
  function web(text: string, placed: Readonly<Record<string, string>> = {}): ResourceUpsert {
    const contents: PlacedContents = {
      version: JSON.stringify(placed),
      keyAt: ({ zone }) => (placed[zone] === undefined ? undefined : zone),
      encode: (zone) => (encoded.push(zone), resource(endpointsType, "web", placed[zone] ?? "").bytes),
    };
    return { ...resource(endpointsType, "web", text), ...(Object.keys(placed).length === 0 ? {} : { placed: contents }) };
  }

  const put = (upsert: ResourceUpsert): void => rig.store.apply({ upserts: [upsert], removals: [] });
  const has = (envoy: PlayedEnvoy, text: string): Promise<void> => envoy.until(text, () => envoy.text(endpointsType, "web") === text);

  it("are encoded once for all Envoys of a place", async () => {
    put(web("all", { a: "near a", b: "near b" }));
    const [a1, a2, b1, other] = [join("a1"), join("a2"), join("b1"), join("elsewhere")];
    await Promise.all([has(a1, "near a"), has(a2, "near a"), has(b1, "near b"), has(other, "all")]);
    assert.deepEqual(encoded.toSorted(), ["a", "b"]);
  });

  it("are sent where they are others now, and nowhere else", async () => {
    put(web("all", { a: "near a", b: "near b" }));
    const [a1, b1, other] = [join("a1"), join("b1"), join("elsewhere")];
    await Promise.all([has(a1, "near a"), has(b1, "near b"), has(other, "all")]);
    put(web("all", { a: "near a", b: "nearer b" }));
    await has(b1, "nearer b");
    put(web("all", { b: "nearer b" }));
    await has(a1, "all");
    await Promise.all([a1, b1, other].map((envoy) => envoy.quiet()));
    assert.deepEqual([a1, b1, other].map(({ seen }) => seen.length), [2, 2, 1]);
    put(web("all"));
    await has(b1, "all");
    put(web("more"));
    await Promise.all([a1, b1, other].map((envoy) => has(envoy, "more")));
  });

  it("follow an Envoy whose place is found later; one whose place is no longer known has not moved", async () => {
    put(web("all", { a: "near a", b: "near b" }));
    const envoy = join("late");
    await has(envoy, "all");
    zones.set("late", "b");
    rig.server.relocate();
    await has(envoy, "near b");
    zones.delete("late");
    rig.server.relocate();
    await envoy.quiet();
    assert.deepEqual([envoy.text(endpointsType, "web"), envoy.seen.length], ["near b", 2]);
    assert.deepEqual(rig.server.envoys().map(({ place }) => place), [{ zone: "b", node: "" }]);
  });

  it("that one place refuses are taken back everywhere, for what was good", async () => {
    put(web("all", { a: "near a" }));
    const [a1, other] = [join("a1"), join("elsewhere")];
    a1.refuses = (text) => text === "bad";
    await Promise.all([has(a1, "near a"), has(other, "all")]);
    put(web("all", { a: "bad" }));
    await a1.until("the refusal", () => rig.nacks.length === 1);
    await a1.quiet();
    assert.deepEqual([a1.text(endpointsType, "web"), other.text(endpointsType, "web")], ["near a", "all"]);
    put(web("all", { a: "mended" }));
    await has(a1, "mended");
  });
}
