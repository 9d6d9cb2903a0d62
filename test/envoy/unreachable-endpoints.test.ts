import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import type { Endpoints } from "#model/cluster";
import { defaultEnvoySettings } from "#settings/envoy";
import { freePort, freePorts } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import type { Peer } from "../peers/listen.ts";
import { startSilent } from "../peers/silent.ts";
import { startTcpEcho } from "../peers/tcp-echo.ts";
import { send } from "./client.ts";
import { cluster, host, listener, origin, prefix, route, to } from "./model.ts";
import { startBackend, startRig } from "./rig.ts";
import type { Backend, Rig, World } from "./rig.ts";

const http = "ingress_http";
/** Long enough for loopback, short enough for a test; two seconds unless configured. */
const connectTimeoutMs = 300;
const neverAgain = { on: "connect-failure", count: 0, statusCodes: [] } as const;

let good: Backend;
let echo: Peer;
let silent: Peer;
let refusing = 0;
/** The rig with defaults, and one without retries of connections. */
let rigs: { readonly standard: Rig; readonly bare: Rig };
let ports: { standard: number; bare: number; bytes: number; bareBytes: number };

const both = (name: string, bad: number, well: number = good.port): Endpoints => ({ name, endpoints: [{ address: "127.0.0.1", port: bad }, { address: "127.0.0.1", port: well }] });

function world(port: number, bytesPort: number): World {
  return {
    listeners: [
      { listener: listener(http, "http", port) },
      { listener: listener("bytes", "tcp", bytesPort), tlsHosts: [{ kind: "passthrough", listener: "bytes", host: "*", proxy: { targets: [{ cluster: "bytes", weight: 1 }], idleTimeoutMs: 60_000, origin }, origin }] },
    ],
    clusters: ["refuses", "drops", "bytes", "nobody"].map((name) => cluster(name, { connectTimeoutMs })),
    endpoints: [both("refuses", refusing), both("drops", silent.port), both("bytes", refusing, echo.port), { name: "nobody", endpoints: [{ address: "127.0.0.1", port: refusing }] }],
    hosts: [host(http, "a.example.com", [
      ...["refuses", "drops", "nobody"].map((name) => route(prefix(`/${name}`), to(name))),
      route(prefix("/once"), to("refuses", { retry: neverAgain })),
      route(prefix("/"), { kind: "direct-response", status: 200, body: "here" }),
    ])],
  };
}

before(async () => {
  [good, echo, silent, refusing] = await Promise.all([startBackend("good", stopInTheMiddle), startTcpEcho("good", false), startSilent(), freePort()]);
  const [standard = 0, bare = 0, bytes = 0, bareBytes = 0] = await freePorts(4);
  ports = { standard, bare, bytes, bareBytes };
  rigs = { standard: await startRig(), bare: await startRig({ ...defaultEnvoySettings, timeouts: { streamIdle: 500 }, connectionRetries: 0 }) };
  await rigs.standard.apply(world(standard, bytes));
  await rigs.bare.apply(world(bare, bareBytes));
  for (const port of [standard, bare]) await waitFor(async () => (await send({ port, host: "a.example.com" })).body === "here", { what: "Envoy serves", intervalMs: 5 });
});

after(async () => {
  await Promise.all([rigs?.standard.stop(), rigs?.bare.stop(), good?.close(), echo?.close(), silent?.close()]);
});

/** A body that begins and never ends, as where a network drops large packets. */
function stopInTheMiddle(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.url !== "/refuses/stops") return false;
  response.write("the beginning");
  return true;
}

/** Asks many times, so many at once, and counts the answers by status. */
async function ask(port: number, path: string, { times, atOnce, method = "GET", body }: { times: number; atOnce: number; method?: string; body?: string }): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  let left = times;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0) {
      const { status } = await send({ port, host: "a.example.com", path, method, ...(body === undefined ? {} : { body }) });
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }));
  return counts;
}

describe("an endpoint that cannot be reached, beside a good one", { timeout: 60_000 }, () => {
  it("and refuses connections: no client hears of it", async () => assert.deepEqual(await ask(ports.standard, "/refuses", { times: 400, atOnce: 40 }), { 200: 400 }));

  it("and drops what is sent to it: the same, and a POST arrives whole", async () => {
    assert.deepEqual(await ask(ports.standard, "/drops", { times: 60, atOnce: 60 }), { 200: 60 });
    assert.deepEqual(await ask(ports.standard, "/drops", { times: 20, atOnce: 20, method: "POST", body: "x".repeat(100_000) }), { 200: 20 });
    const stats = await (await fetch(`http://127.0.0.1:${rigs.standard.adminPort}/stats?filter=cluster.drops.upstream_cx_connect_timeout`)).text();
    assert.ok(Number(stats.split(": ")[1]) > 0, stats);
  });

  it("makes 503 of every second request where connections are not retried", async () => {
    const counts = await ask(ports.bare, "/refuses", { times: 40, atOnce: 1 });
    assert.ok((counts["503"] ?? 0) >= 10 && (counts["200"] ?? 0) >= 10, JSON.stringify(counts));
  });

  it("that stops in the middle of a body: the stream is cut when nothing moved for the idle timeout", async () => {
    // Connections are not retried here, and every second one is refused.
    const cut = async (): Promise<boolean> => send({ port: ports.bare, host: "a.example.com", path: "/refuses/stops" }).then(() => false, (error: unknown) => /aborted|socket hang up|ECONNRESET/.test(String(error)));
    assert.ok((await cut()) || (await cut()));
  });

  it("is tried once on a route whose policy says so", async () => {
    const counts = await ask(ports.standard, "/once", { times: 40, atOnce: 1 });
    assert.ok((counts["503"] ?? 0) >= 10 && (counts["200"] ?? 0) >= 10, JSON.stringify(counts));
  });

  it("and is all that there is: 503, at once", async () => assert.deepEqual(await ask(ports.standard, "/nobody", { times: 5, atOnce: 5 }), { 503: 5 }));

  it("is passed over for connections of bytes, too", async () => {
    const read = async (port: number): Promise<readonly string[]> => {
      const answers: string[] = [];
      // One after the other: then the next attempt is never at the same endpoint, which Envoy does not rule out here.
      for (let i = 0; i < 20; i++) answers.push(await firstBytes(port));
      return answers;
    };
    assert.ok(!(await read(ports.bytes)).includes(""));
    assert.ok((await read(ports.bareBytes)).includes(""), "without retries some connections are closed");
  });
});

/** What comes back for some bytes; empty where the connection is closed. */
function firstBytes(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("hello\n"));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(""));
    socket.on("data", (data) => (resolve(String(data)), socket.destroy()));
  });
}
