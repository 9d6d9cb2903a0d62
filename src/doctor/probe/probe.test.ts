import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { PassThrough } from "node:stream";
import { after, before, describe, it } from "node:test";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { EndpointResult, Outcome, Probe, ProbeLine, ProbePlan, ProbeTls } from "#doctor/plan";
import { splitLine } from "#doctor/probe/envoy";
import { runPlan } from "#doctor/probe/run";
import { findQueue } from "#doctor/probe/send-queue";
import { serveProbe } from "#doctor/probe/serve";

const request = { version: "1.1", host: "shop.example.com", path: "/" } as const;

describe("a probe, on real connections of this machine", { timeout: 60_000 }, () => {
  const servers: Server[] = [];
  const seen: string[] = [];
  const ports = new Map<string, number>();
  let authority = { certificate: "", key: "" };
  const answer: RequestListener = (incoming, response) => {
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => (bytes += chunk.length)).on("end", () => {
      seen.push(`${incoming.method} ${incoming.headers.host} ${incoming.url} ${bytes} ${incoming.headers["user-agent"]}`);
      response.end("well\n");
    });
  };
  const silent = (socket: Socket): void => void socket.resume().on("error", () => undefined);
  before(async () => {
    const now = Date.now();
    authority = await createAuthority("CN=authority", now);
    const { certificate: cert, key } = await issueCertificate(authority, { use: "server", dnsName: "secure.shop", otherDnsNames: ["*.shop.example"] }, now);
    const all: Readonly<Record<string, Server>> = {
      plain: createHttpServer(answer), tls: createHttpsServer({ cert, key }, answer), silent: createServer(silent),
      mutual: createHttpsServer({ cert, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true }, answer),
      h2c: createHttp2Server((_incoming, response) => void response.end("well\n")), closing: createServer((socket) => void socket.destroy()),
      text: createServer((socket) => void socket.on("error", () => undefined).end("220 mail.example.com ESMTP\r\n")),
      cut: createHttpServer((_incoming, response) => void response.writeHead(200, { "content-length": 100_000 }).write("begin")),
      short: createHttpServer((_incoming, response) => void response.writeHead(200, { "content-length": 1000 }).write("begin")),
      events: createHttpServer((_incoming, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n")),
      refusing: createHttpServer((_incoming, response) => void response.writeHead(413, { connection: "close" }).end()),
    };
    for (const [name, server] of Object.entries(all)) {
      servers.push(server);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      ports.set(name, (server.address() as AddressInfo).port);
    }
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    ports.set("nobody", (closed.address() as AddressInfo).port);
    closed.close();
  });
  after(() => {
    for (const server of servers) {
      server.close();
      if ("closeAllConnections" in server && typeof server.closeAllConnections === "function") (server.closeAllConnections as () => void)();
    }
    // Connections that never end are the point of some of these servers.
    for (const server of servers) server.unref();
  });

  const look = async (plan: Partial<ProbePlan> & Pick<ProbePlan, "probes">): Promise<readonly ProbeLine[]> => {
    const lines: ProbeLine[] = [];
    await runPlan({ version: 1, depth: "large", concurrency: 4, timeoutMs: 10_000, limitMs: 30_000, ...plan }, (line) => lines.push(line));
    return lines;
  };
  const probe = (server: string, more: Partial<Probe> = {}): Probe => ({ id: 0, target: { kind: "address", address: "127.0.0.1", port: ports.get(server) ?? 0 }, connectMs: 10_000, http: request, ...more });
  const outcome = async (wish: Probe, plan: Partial<ProbePlan> = {}): Promise<Outcome> => {
    const found = (await look({ ...plan, probes: [wish] })).find((line): line is EndpointResult => line.kind === "endpoint");
    return found?.outcome ?? { kind: "failed", reason: "no line" };
  };
  const validation = (names: readonly string[], pem = authority.certificate): ProbeTls => ({ validation: { authorities: pem, names, uris: [] } });

  it("sends a GET, and one with a large body, and nothing else", async () => {
    seen.length = 0;
    assert.deepEqual(await outcome(probe("plain", { http: { ...request, path: "/cart" } })), { kind: "good" });
    assert.deepEqual(seen, ["GET shop.example.com /cart 0 contour-doctor", "GET shop.example.com /cart 65000 contour-doctor"]);
  });
  it("sends no byte where bytes go on as they come, or only connections were asked for", async () => {
    const { http: _, ...bytes } = probe("closing");
    assert.deepEqual(await outcome(bytes), { kind: "good" });
    seen.length = 0;
    assert.deepEqual([await outcome(probe("plain"), { depth: "connect" }), seen], [{ kind: "good" }, []]);
  });
  for (const [name, server, more, kind] of [
    ["a port that nobody listens on", "nobody", {}, "refused"],
    ["a server that says nothing", "silent", {}, "silent"],
    ["plain HTTP to TLS", "tls", {}, "tls-wanted"],
    ["TLS to plain HTTP", "plain", { tls: {} }, "tls-absent"],
    ["a client certificate that is wanted", "mutual", { tls: {} }, "client-certificate-wanted"],
    ["a server that closes connections", "closing", {}, "not-http"],
    ["a server that speaks something else", "text", {}, "not-http"],
    ["HTTP/2 to HTTP/1.1", "plain", { http: { ...request, version: "2" } }, "not-http"],
    ["HTTP/1.1 to HTTP/2", "h2c", {}, "not-http"],
    ["HTTP/2 to HTTP/2", "h2c", { http: { ...request, version: "2" } }, "good"],
    ["a long answer of which a part never comes", "cut", {}, "stalled"],
    ["a short one, which fits into one packet", "short", {}, "silent"],
    ["an answer without an end", "events", {}, "good"],
    ["a server that does not want the large body", "refusing", {}, "good"],
    ["TLS that is not looked at", "tls", { tls: {} }, "good"],
    ["TLS 1.2 at most", "tls", { tls: { minimumVersion: "1.2", maximumVersion: "1.2" } }, "good"],
    ["a name that does not resolve", "plain", { target: { kind: "name", host: "nothing.invalid", port: 80, family: "v4" } }, "name-unresolved"],
  ] as const) it(`${name}: ${kind}`, async () => {
    // Those that never come to an end are waited for; all others have time on a busy machine.
    const patience = kind === "silent" || server === "cut" || server === "events" ? { timeoutMs: 1500 } : {};
    assert.equal((await outcome(probe(server, more), patience)).kind, kind);
  });

  it("judges certificates as Envoy does: authority and names of the route, letter by letter", async () => {
    const other = await createAuthority("CN=other", Date.now());
    const judged = async (tls: ProbeTls): Promise<string> => {
      const found = await outcome(probe("tls", { tls }));
      return found.kind === "certificate" ? found.problem : found.kind;
    };
    assert.equal(await judged(validation(["secure.shop"])), "good");
    assert.equal(await judged(validation([])), "good");
    assert.equal(await judged(validation(["cart.shop.example"])), "good");
    assert.equal(await judged(validation(["a.cart.shop.example"])), "name");
    assert.equal(await judged(validation(["shop"])), "name");
    assert.equal(await judged(validation(["secure.shop"], other.certificate)), "untrusted");
  });
  it("begins nothing new when its time is over, and says what it left out", async () => {
    const lines = await look({ probes: [probe("plain", { id: 7 })], limitMs: -1 });
    assert.deepEqual(lines.map((line) => (line.kind === "end" ? line.skipped : line)), [[7]]);
  });
  it("reads its plan from a line, does not wait for the end of the input, and ends when who started it is gone", async () => {
    const run = async (plan: object, hangUp: boolean): Promise<readonly [number, string]> => {
      const [input, output] = [new PassThrough(), new PassThrough()];
      let said = "";
      output.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
      const code = serveProbe(input, output, (text) => (said += text));
      input.write(`${JSON.stringify(plan)}\n`);
      if (hangUp) input.end();
      return [await code, said];
    };
    const plan = { version: 1, depth: "large", concurrency: 1, timeoutMs: 700, limitMs: 30_000, probes: [probe("plain")] };
    assert.match((await run(plan, false)).join(" "), /^0 .*"kind":"end"/s);
    assert.match((await run(plan, true)).join(" "), /^0 .*"kind":"end"/s);
    assert.deepEqual(await run({ ...plan, attended: true, probes: [probe("silent")] }, true), [1, ""]);
    assert.match((await run({ version: 2 }, false)).join(" "), /^2 .*a plan of version 1/);
  });
});

describe("the kernel's table of connections", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0201A8C0:9C40 0102000A:1F90 01 0000FE91:00000000 01:00000021 00000003 65534        0 123 2 0000000000000000 20 4 30 10 -1
   1: 0201A8C0:9C41 0102000A:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 124 2 0000000000000000 20 4 30 10 -1
   2: 0201A8C0:9C42 0102000A:1F90 01 00000100:00000000 04:00000021 00000000 65534        0 125 2 0000000000000000 20 4 30 10 -1`;
  const at = (localPort: number, remoteAddress = "10.0.2.1"): ReturnType<typeof findQueue> => findQueue(table, { localPort, remoteAddress, remotePort: 8080 });
  it("tells bytes that are sent again and again from those that the peer has no room for", () => {
    assert.deepEqual(at(40_000), { unacknowledged: 65_169, retransmits: 3, peerIsFull: false });
    assert.deepEqual(at(40_001), { unacknowledged: 0, retransmits: 0, peerIsFull: false });
    assert.deepEqual(at(40_002), { unacknowledged: 256, retransmits: 0, peerIsFull: true });
    assert.equal(at(40_003), undefined);
    assert.equal(at(40_000, "10.0.2.2"), undefined);
  });
  it("has addresses of IPv6 in words of four bytes", () => {
    const six = "   0: 0100000000000000000000000000000A:9C40 00000000000000000000000001000000:1F90 01 00000001:00000000 01:00000021 00000001 0 0 1";
    assert.equal(findQueue(six, { localPort: 40_000, remoteAddress: "::1", remotePort: 8080 })?.unacknowledged, 1);
  });
});

describe("a line of Envoy's /clusters", () => {
  it("has a cluster, perhaps an address of either family, and the rest", () => {
    assert.deepEqual(splitLine("shop/web/80/da39::10.0.2.1:8080::cx_active::0"), { cluster: "shop/web/80/da39", address: "10.0.2.1:8080", rest: "cx_active::0" });
    assert.deepEqual(splitLine("shop/web/80/da39::[fd62:0:0:2::2]:8080::health_flags::/failed_active_hc"), { cluster: "shop/web/80/da39", address: "[fd62:0:0:2::2]:8080", rest: "health_flags::/failed_active_hc" });
    assert.deepEqual(splitLine("shop/web/80/da39::observability_name::shop_web_80"), { cluster: "shop/web/80/da39", rest: "observability_name::shop_web_80" });
  });
});
