import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { after, before, describe, it } from "node:test";
import { freePorts } from "../bed/free-port.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { World, hosts, sliceOf } from "./world.ts";

/** One connection to Envoy, that requests may be sent over. */
interface Connection {
  closed(): boolean;
  status(): Promise<number>;
  close(): void;
}

async function connect(port: number): Promise<Connection> {
  const socket = createConnection({ host: "127.0.0.1", port });
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  socket.resume();
  let closed = false;
  socket.on("close", () => (closed = true));
  const status = async (): Promise<number> => {
    socket.write(`GET / HTTP/1.1\r\nHost: ${hosts[0] ?? ""}\r\n\r\n`);
    const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return Number(answer.toString().split(" ")[1]);
  };
  return { closed: () => closed, status, close: () => socket.destroy() };
}

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

  it("the configuration of the installation: listeners are replaced while the controller runs, and no request is lost", async (test) => {
    const [replica] = world.replicas;
    const [envoy] = world.envoys;
    assert.ok(replica !== undefined && envoy !== undefined);
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    await waitFor(() => load.answered() > 200, { what: "load" });
    const changes = [
      { envoy: { timeouts: { requestTimeout: "20s" } } },
      { envoy: { timeouts: { requestTimeout: "30s", connectionIdleTimeout: "50s" }, listener: { serverHeaderTransformation: "pass_through" } } },
      { policy: { responseHeaders: { set: { "x-edge": "one" } } } },
      { envoy: { timeouts: { connectTimeout: "5s" } } },
    ];
    const taken = async (): Promise<number> => (await Promise.all(["listener_manager.listener_modified", "listener_manager.listener_in_place_updated", "cluster_manager.cluster_modified", "http.ingress_http.scoped_rds.ingress_http.update_success"].map((name) => envoy.stat(name)))).reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : value), 0);
    const connects = (): Promise<number> => envoy.stat("cluster.contour.upstream_cx_total");
    const [streams, times] = [await connects(), [] as number[]];
    for (const spec of changes) {
      const before = await taken();
      const started = performance.now();
      await world.api.apply([configuration(spec)]);
      await waitFor(async () => (await taken()) > before, { what: "Envoy has what changed", intervalMs: 5 });
      times.push(Math.round(performance.now() - started));
      const answered = load.answered();
      await waitFor(() => load.answered() > answered + 200, { what: "load" });
    }
    const result = await load.stop();
    const reconnects = (await connects()) - streams;
    report(test, { fault: `ContourConfiguration changed ${changes.length} times while the controller runs`, load: result, lost: result.failures.length, seen: `Envoy had the change ${Math.max(...times)} ms after it was written, at the latest; ${reconnects} xDS streams broken; 0 restarts` });
    assert.deepEqual(result.failures, []);
    assert.equal(reconnects, 0, "Envoy keeps its stream");
    assert.equal(replica.process.exited(), false, "the controller is the same");
  });

  it("the limit of connections of a listener: those above it are turned away, those that are open stay", async () => {
    const [envoy] = world.envoys;
    assert.ok(envoy !== undefined);
    await waitFor(async () => (await envoy.stat(`listener.127.0.0.1_${world.httpPort}.downstream_cx_active`)) === 0, { what: "the connections of before are gone" });
    const overflows = (): Promise<number> => envoy.stat(`listener.127.0.0.1_${world.httpPort}.downstream_cx_overflow`);
    const before = await overflows();
    const open: Connection[] = [];
    const connectMore = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) open.push(await connect(world.httpPort));
    };
    try {
      await connectMore(4);
      await world.api.apply([configuration({ envoy: { listener: { maxConnectionsPerListener: 5 } } })]);
      await waitFor(async () => (await envoy.admin("/runtime?format=json")).includes("envoy.resource_limits.listener.ingress_http.connection_limit"), { what: "Envoy has the limit" });
      await connectMore(3);
      await waitFor(async () => (await overflows()) - before === 2, { what: "two are turned away" });
      await waitFor(() => open.filter((one) => one.closed()).length === 2, { what: "those above the limit are closed" });
      assert.deepEqual(open.slice(0, 4).map((one) => one.closed()), [false, false, false, false], "what was open stays");
      assert.deepEqual(await Promise.all(open.filter((one) => !one.closed()).map((one) => one.status())), [200, 200, 200, 200, 200]);
      await world.api.apply([configuration({ enableExternalNameService: false })]);
      await waitFor(async () => !(await envoy.admin("/runtime?format=json")).includes("connection_limit"), { what: "the limit is gone" });
      const one = await connect(world.httpPort);
      open.push(one);
      assert.equal(await one.status(), 200);
    } finally {
      for (const one of open) one.close();
    }
  });

  it("where Envoy listens: the new port serves, and what is on its way at the old one ends well", async () => {
    const [envoy] = world.envoys;
    assert.ok(envoy !== undefined);
    const [port = 0] = await freePorts(1);
    const old = await connect(world.httpPort);
    await world.api.apply([configuration({ envoy: { http: { port } } })]);
    const fresh = await waitFor(() => connect(port), { what: "Envoy listens on the new port" });
    assert.deepEqual([await fresh.status(), await old.status()], [200, 200]);
    await waitFor(() => connect(world.httpPort).then((one) => (one.close(), false), () => true), { what: "nobody listens on the old port" });
    await world.api.apply([configuration({ enableExternalNameService: false })]);
    const back = await waitFor(() => connect(world.httpPort), { what: "Envoy listens on the old port again" });
    assert.equal(await back.status(), 200);
    assert.equal(await envoy.stat("listener_manager.lds.update_rejected"), 0);
    for (const one of [old, fresh, back]) one.close();
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
