import assert from "node:assert/strict";
import { it } from "node:test";
import { freePort } from "../bed/free-port.ts";
import { clusterOf, endpointsOf, eventually, findEnvoy, listenerAt, scopeOf, startBackend, startEnvoy, statusOf } from "./real-envoy.ts";
import { noMetrics, startRig } from "./rig.ts";

it("an old connection is replaced by a new one; what Envoy has is not sent again, and what is new arrives", { timeout: 60_000 }, async () => {
  const backend = await startBackend();
  const port = await freePort();
  const seen = { streams: 0, bytes: 0, nacks: 0, peers: new Set<string>() };
  const metrics = { ...noMetrics, streamOpened: () => void (seen.streams += 1), pushed: (_: string, bytes: number) => void (seen.bytes += bytes), nacked: () => void (seen.nacks += 1) };
  const timers = (ms: number, run: () => void): (() => void) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  };
  const rig = await startRig({ metrics, connectionAgeMs: 400, schedule: timers });
  const host = (name: string): Parameters<typeof rig.store.apply>[0]["upserts"] => [scopeOf(name, `c-${name}`), endpointsOf(`c-${name}`, backend.port), clusterOf(`c-${name}`)];
  rig.store.apply({ upserts: [listenerAt(port), ...Array.from({ length: 50 }, (_, i) => host(`h${i}.test`)).flat()], removals: [] });
  const envoy = await startEnvoy(await findEnvoy(), { kind: "tcp", address: "127.0.0.1", port: rig.server.port });
  try {
    await eventually("the first host", async () => (await statusOf(port, "h0.test")) === 200 || undefined);
    const first = { ...seen };
    await eventually("three new connections", async () => {
      for (const { peer } of rig.server.envoys()) seen.peers.add(peer);
      return seen.peers.size >= 4 || undefined;
    });
    const bytesPerConnection = (seen.bytes - first.bytes) / (seen.streams - first.streams);
    assert.ok(bytesPerConnection < 1000, `${bytesPerConnection} bytes for each new connection, where everything is ${first.bytes}`);
    rig.store.apply({ upserts: host("new.test"), removals: [] });
    await eventually("the new host", async () => (await statusOf(port, "new.test")) === 200 || undefined);
    assert.equal(seen.nacks, 0);
    assert.equal(await envoy.stat("cluster.contour.upstream_rq_rx_reset"), 0);
  } finally {
    await envoy.stop();
    await rig.server.close();
    backend.close();
  }
});
