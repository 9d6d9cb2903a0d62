import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { after, before, describe, it } from "node:test";
import { freePort } from "../bed/free-port.ts";
import { startProcess } from "../bed/process.ts";
import type { RunningProcess } from "../bed/process.ts";
import { waitFor } from "../bed/wait.ts";
import { page } from "../kubernetes/serving.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { World, hosts } from "./world.ts";

const contour = join(import.meta.dirname, "../../bin/contour");

describe("an Envoy ends, and its pod's disk is full", { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "contour-drain-"));
  const [socket, disk] = [join(folder, "admin.sock"), join(folder, "disk")];
  let world: World;
  const sockets = createServer((client) => {
    const [envoy] = world.envoys;
    const upstream = connect(envoy?.adminPort ?? 0, "127.0.0.1");
    pipeline(client, upstream, () => {});
    pipeline(upstream, client, () => {});
  });
  before(async () => {
    mkdirSync(disk);
    world = await World.open();
    await world.startReplica();
    await world.startEnvoy();
    await once(sockets.listen(socket), "listening");
  });
  after(async () => {
    sockets.close();
    await world?.close();
    rmSync(folder, { recursive: true });
  });

  const run = (name: string, command: string, ...args: readonly string[]): RunningProcess => startProcess({ name, command, args, logPath: join(folder, `${name}.log`) });

  it("it drains without losing a request, and may end although the file that says so cannot be written", async (test) => {
    const readyFile = join(disk, "ok");
    const port = await freePort();
    const manager = run("shutdown-manager", contour, "envoy", "shutdown-manager", "--serve-port", String(port), "--ready-file", readyFile);
    await waitFor(async () => (await page(port, "/healthz")).status === 200, { what: "the shutdown manager is there" });
    // What the kubelet asks before it ends Envoy's container.
    const mayEnd = page(port, "/shutdown");
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    await waitFor(() => load.answered() > 200, { what: "load" });
    // A file system with room for its own root and nothing else; for this command alone, so that nothing is left mounted.
    const shutdown = run("shutdown", "unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o nr_inodes=1 full "$1" && shift && exec "$@"', "sh", disk, contour, "envoy", "shutdown", "--admin-address", socket, "--ready-file", readyFile, "--check-interval", "50ms");
    const [envoy] = world.envoys;
    await waitFor(async () => (await envoy?.admin("/ready"))?.startsWith("DRAINING") === true, { what: "Envoy drains", intervalMs: 10 });
    const drained = load.answered();
    await waitFor(() => load.answered() > drained + 100, { what: "load while it drains" });
    // Load balancers have noticed.
    const result = await load.stop();
    await waitFor(() => shutdown.exited(), { what: "the command has ended", timeoutMs: 20_000 });
    assert.match(shutdown.logTail(), /ENOSPC/);
    assert.equal(existsSync(readyFile), false);
    manager.signal("SIGTERM");
    assert.equal((await mayEnd).text, "OK");
    await waitFor(() => manager.exited(), { what: "the shutdown manager has ended" });
    report(test, { fault: "disk full for the file of the shutdown manager, while Envoy drains", load: result, lost: result.failures.length, seen: "Envoy may end when its connections are gone: the shutdown manager says so by its own end" });
    assert.deepEqual(result.failures, []);
  });
});
