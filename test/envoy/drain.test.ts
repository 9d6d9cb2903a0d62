import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { drainEnvoy, openConnections } from "#app/envoy-drain";
import type { DrainRequest } from "#app/envoy-drain";
import { startEnvoy } from "#app/envoy-process";
import type { EnvoyProcess } from "#app/envoy-process";
import { runShutdownManager } from "#app/shutdown-manager";
import type { ShutdownManager } from "#app/shutdown-manager";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import { freePort } from "../bed/free-port.ts";
import { clusterOf, endpointsOf, eventually, findEnvoy, get, listenerAt, scopeOf, statusOf } from "../xds/real-envoy.ts";
import { silent, startRig } from "../xds/rig.ts";
import type { Rig } from "../xds/rig.ts";

const contour = join(import.meta.dirname, "../../bin/contour");

describe("letting a real Envoy go", { timeout: 60_000 }, () => {
  let folder: string;
  let port: number;
  let rig: Rig;
  let envoy: EnvoyProcess;
  let manager: ShutdownManager;
  let stop: AbortController;
  // Answers at once, or at /slow when it is told to.
  let finish = (): void => {};
  const backend = createServer((incoming, response) => (incoming.url === "/slow" ? (response.writeHead(200).write("begun "), (finish = () => void response.end("done"))) : response.end("hello")));
  before(async () => await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", () => resolve())));
  after(() => (backend.closeAllConnections(), backend.close()));

  const inFolder = (name: string): string => join(folder, name);
  const drain = (wish: Partial<DrainRequest> = {}): Promise<void> =>
    drainEnvoy({ adminPath: inFolder("admin.sock"), drainDelayMs: 0, checkDelayMs: 0, checkIntervalMs: 20, minOpenConnections: 0, maxWaitMs: 30_000, readyFile: inFolder("ok"), log: silent, clock: () => performance.now(), sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)), ...wish });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "drain-"));
    port = await freePort();
    rig = await startRig();
    rig.store.apply({ upserts: [listenerAt(port), scopeOf("a.test", "c"), clusterOf("c"), endpointsOf("c", (backend.address() as AddressInfo).port)], removals: [] });
    const bootstrap = buildBootstrap({ xds: { kind: "tcp", address: "127.0.0.1", port: rig.server.port }, admin: { kind: "unix", path: inFolder("admin.sock") }, node: { id: "drained", cluster: "test" } });
    envoy = startEnvoy({ binary: await findEnvoy(), bootstrap: JSON.parse(bootstrapJson(bootstrap)), onLine: () => {}, onUnexpectedExit: () => {} });
    stop = new AbortController();
    writeFileSync(inFolder("ok"), "left from before");
    manager = await runShutdownManager({ port: 0, readyFile: inFolder("ok"), log: silent, signal: stop.signal });
    await eventually("the host", async () => ((await statusOf(port, "a.test")) === 200 ? true : undefined));
  });
  afterEach(async () => {
    stop.abort();
    await manager.stopped;
    await envoy.stop();
    await rig.server.close();
    rmSync(folder, { recursive: true });
  });

  /** A request that the backend does not end before it is told to. */
  const slow = (): { readonly begun: Promise<void>; readonly text: Promise<string>; destroy(): void } => {
    const begun = Promise.withResolvers<void>();
    const text = Promise.withResolvers<string>();
    const outgoing = request({ host: "127.0.0.1", port, path: "/slow", headers: { host: "a.test" }, agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => ((body += chunk), begun.resolve())).on("end", () => text.resolve(body));
    });
    outgoing.on("error", () => {}).end();
    return { begun: begun.promise, text: text.promise, destroy: () => outgoing.destroy() };
  };

  it("waits for a request that runs, while new ones are answered and asked to close; then /shutdown answers", async () => {
    const running = slow();
    await running.begun;
    const mayEnd = get({ port: manager.port, path: "/shutdown" });
    const draining = drain();
    const closes = (): Promise<string | undefined> => new Promise((resolve, reject) => void request({ host: "127.0.0.1", port, headers: { host: "a.test", connection: "keep-alive" } }, (answer) => (answer.resume(), resolve(answer.headers.connection))).on("error", reject).end());
    await eventually("answers ask to close", async () => ((await closes()) === "close" ? true : undefined));
    assert.equal(existsSync(inFolder("ok")), false);
    finish();
    assert.equal(await running.text, "begun done");
    await draining;
    assert.deepEqual(await mayEnd, { status: 200, body: "OK" });
  });

  it("ends its wait for connections that never end", async () => {
    const running = slow();
    await running.begun;
    const started = performance.now();
    await drain({ maxWaitMs: 300 });
    assert.ok(performance.now() - started < 5000);
    assert.equal(existsSync(inFolder("ok")), true);
    running.destroy();
    finish();
  });

  it("lets as many connections be as it is told", async () => {
    const running = slow();
    await running.begun;
    await drain({ minOpenConnections: 1 });
    running.destroy();
    finish();
  });

  it("does not wait for an Envoy that is gone already", async () => {
    await drain({ adminPath: inFolder("no.sock"), sleep: async () => {} });
    assert.equal(existsSync(inFolder("ok")), true);
  });

  it("where the ready file cannot be written, the manager's own end answers /shutdown", async () => {
    await drain({ readyFile: inFolder("missing/ok") });
    const mayEnd = get({ port: manager.port, path: "/shutdown" });
    await get({ port: manager.port, path: "/healthz" });
    stop.abort();
    assert.equal((await mayEnd).body, "OK");
  });

  it("shows the pages of its admin interface to `contour envoy admin`, and is not changed by it", async () => {
    const page = (name: string): Promise<{ readonly stdout: string }> => promisify(execFile)(contour, ["envoy", "admin", name, "--admin-address", inFolder("admin.sock")]);
    assert.match((await page("clusters")).stdout, /^c::/m);
    await assert.rejects(page("/healthcheck/fail"), ({ code, stderr }: { readonly code?: number; readonly stderr?: string }) => code === 1 && /GET \/healthcheck\/fail: 4\d\d/.test(stderr ?? ""));
    assert.equal((await page("/ready")).stdout.trim(), "LIVE");
    await assert.rejects(promisify(execFile)(contour, ["envoy", "admin", "/ready", "--admin-address", inFolder("no.sock")]), /no\.sock/);
  });

  it("both commands do it as processes", async () => {
    const servePort = await freePort();
    const manage = execFile(contour, ["envoy", "shutdown-manager", "--serve-port", String(servePort), "--ready-file", inFolder("ready")]);
    const ended = new Promise<number | null>((resolve) => manage.once("exit", resolve));
    await eventually("the manager is there", () => get({ port: servePort, path: "/healthz" }).then(({ body }) => body === "OK" || undefined, () => undefined));
    const mayEnd = get({ port: servePort, path: "/shutdown" });
    await promisify(execFile)(contour, ["envoy", "shutdown", "--admin-address", inFolder("admin.sock"), "--check-interval", "50ms", "--ready-file", inFolder("ready")]);
    assert.equal((await mayEnd).status, 200);
    manage.kill("SIGTERM");
    assert.equal(await ended, 0);
  });
});

describe("connections of clients", () => {
  it("are those of HTTP and TCP listeners, without Envoy's own pages", () => {
    const stats = ["http.ingress_http", "tcp.ingress_https", "http.admin", "http.stats", "http.envoy-admin", "listener.0.0.0.0_80", "cluster.x.upstream"].map((prefix, index) => ({ name: `${prefix}.downstream_cx_active`, value: 10 ** index }));
    assert.equal(openConnections(JSON.stringify({ stats: [...stats, { histograms: {} }] })), 11);
  });
});
