import assert from "node:assert/strict";
import { it } from "node:test";
import { clusterType, listenerType } from "#xds/types";
import { startBalancer } from "../reliability/balancer.ts";
import { PlayedEnvoy, cluster, startRig } from "./rig.ts";

it("an Envoy whose connection broke is forgotten, however it broke", { timeout: 20_000 }, async () => {
  const rig = await startRig();
  rig.store.apply({ upserts: [cluster("a", "1")], removals: [] });
  const way = await startBalancer([rig.server.port]);
  try {
    for (let round = 0; round < 5; round++) {
      const envoys = Array.from({ length: 10 }, (_, i) => new PlayedEnvoy(`127.0.0.1:${way.port}`, { mode: "delta", aggregated: false }, undefined, `envoy-${i}`));
      for (const envoy of envoys) for (const type of [clusterType, listenerType] as const) envoy.subscribe(type);
      for (const envoy of envoys) await envoy.until("the cluster", () => envoy.text(clusterType, "a") !== undefined);
      assert.equal(rig.server.envoys().length, 10);
      way.cut();
      await envoys[0]?.until("nobody is connected", () => rig.server.envoys().length === 0);
      for (const envoy of envoys) envoy.close();
    }
  } finally {
    way.close();
    await rig.server.close();
  }
});
