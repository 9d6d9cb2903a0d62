import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { EnvoySettings } from "#settings/envoy";
import { defaultEnvoySettings } from "#settings/envoy";
import { freePort } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { send } from "./client.ts";
import type { Answer } from "./client.ts";
import { cluster, endpoints, host, listener, prefix, route, secureHost, termination, to } from "./model.ts";
import { startBackend, startRig } from "./rig.ts";
import type { Backend, Rig } from "./rig.ts";

const folder = mkdtempSync(join(tmpdir(), "contour-test-"));
const log = join(folder, "access.log");

/** Everything otherwise than by default. */
const settings: EnvoySettings = {
  accessLogPath: log,
  accessLogFormat: { kind: "default" },
  accessLogLevel: "info",
  timeouts: { request: 5000, connectionIdle: "off", streamIdle: 5000, maxConnectionDuration: 60_000, delayedClose: 500, connectionShutdownGracePeriod: 1000 },
  compression: "off",
  serverHeader: "pass-through",
  mergeSlashes: false,
  allowChunkedLength: false,
  stripTrailingHostDot: true,
  numTrustedHops: 1,
  httpVersions: ["HTTP/1.1"],
  maxRequestsPerConnection: 10,
  maxConcurrentStreams: 50,
  perConnectionBufferLimitBytes: 65_536,
  maxConnectionsToAcceptPerSocketEvent: 2,
  certificatesOnDemandFrom: 3,
  certificatesPrefetchedFor: ["www.example.com"],
  maxRequestsPerIoCycle: 3,
  runtime: { "my.key": "7" },
  exactConnectionBalance: true,
  cipherSuites: ["ECDHE-ECDSA-AES256-GCM-SHA384"],
  ecdhCurves: ["P-256"],
  fingerprints: { ja3: true, ja4: true },
  socketOptions: { tos: 64, trafficClass: 64 },
  connectionRetries: 1,
  cluster: { maxRequestsPerConnection: 5, perConnectionBufferLimitBytes: 32_768, cipherSuites: defaultEnvoySettings.cluster.cipherSuites, ecdhCurves: ["X25519"] },
  stats: { address: "127.0.0.1", port: 0 },
  adminPort: 0,
};

let rig: Rig;
let backend: Backend;
let port = 0;

before(async () => {
  port = await freePort();
  backend = await startBackend("a");
  rig = await startRig(settings);
  await rig.apply({
    listeners: [
      { listener: listener("ingress_http", "http", port) },
      { listener: listener("ingress_https", "https", await freePort()), tlsHosts: [secureHost("ingress_https", "a.example.com", termination("none"))] },
    ],
    clusters: [cluster("a"), cluster("tls", { source: { kind: "endpoints", endpoints: "a" }, protocol: "tls" })],
    endpoints: [endpoints("a", backend.port)],
    hosts: [host("ingress_http", "a.example.com", [route(prefix("/"), to("a"))]), host("ingress_http", "*.b.example", [route(prefix("/"), to("a"))])],
  });
});

after(async () => {
  await rig?.stop();
  await backend?.close();
  rmSync(folder, { recursive: true });
});

const get = (name: string, path = "/"): Promise<Answer> => send({ port, host: name, path, headers: { "x-forwarded-for": "9.9.9.9" } });

describe("an Envoy with other settings than the default ones", () => {
  it("serves", async () => {
    const { status, echo, headers } = await get("a.example.com", "//x");
    assert.deepEqual([status, echo?.url, headers["server"]], [200, "//x", undefined]);
  });

  it("looks for hosts without the dot at their end", async () => {
    assert.equal((await get("a.example.com.")).status, 200);
    assert.equal((await get("A.example.com.:80")).status, 200);
    assert.equal((await get("x.b.example.")).status, 200);
    assert.equal((await get("x.y.b.example.")).status, 404);
  });

  it("writes its access log in Envoy's own format", async () => {
    await get("a.example.com", "/logged");
    const line = await waitFor(() => readFileSync(log, "utf8").split("\n").find((text) => text.includes("/logged")), { what: "the line is written", intervalMs: 20 });
    assert.match(line, /^\[\d{4}-.*\] "GET \/logged HTTP\/1\.1" 200 /);
  });

  it("has the operator's runtime values, and those that Contour needs", async () => {
    const runtime = await (await fetch(`http://127.0.0.1:${rig.adminPort}/runtime`)).text();
    const { entries } = JSON.parse(runtime) as { entries: Record<string, { final_value: string }> };
    assert.deepEqual(["my.key", "re2.max_program_size.error_level", "http.max_requests_per_io_cycle"].map((key) => entries[key]?.final_value), ["7", "1.04858e+06", "3"]);
  });
});
