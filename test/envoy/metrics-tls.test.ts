import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, renameSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { Gauge, Registry } from "prom-client";
import { Health } from "#app/health";
import { serveHttp } from "#app/http-endpoints";
import { freePorts } from "../bed/free-port.ts";
import { createAuthority } from "../bed/pki.ts";
import type { Authority, KeyPairPem } from "../bed/pki.ts";
import { waitFor } from "../bed/wait.ts";
import { startRig } from "./rig.ts";

let folder: string;
let authority: Authority;
let client: KeyPairPem;
let stranger: KeyPairPem;
let files: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
let version = 0;

/** Writes a new certificate as kubelet does with Secrets: a link to a folder is swapped. */
async function writeCertificate(commonName: string): Promise<void> {
  const { certificate, key } = await authority.issue({ subject: `CN=${commonName}`, use: "server", dnsNames: ["metrics.test"] });
  const name = `version-${++version}`;
  mkdirSync(join(folder, name));
  for (const [file, text] of Object.entries({ "tls.crt": certificate, "tls.key": key, "ca.crt": authority.certificate })) writeFileSync(join(folder, name, file), text);
  symlinkSync(name, join(folder, "new"));
  renameSync(join(folder, "new"), join(folder, "..data"));
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "contour-metrics-"));
  authority = await createAuthority("metrics");
  client = await authority.issue({ subject: "CN=prometheus", use: "client" });
  stranger = await (await createAuthority("stranger")).issue({ subject: "CN=stranger", use: "client" });
  await writeCertificate("first");
  for (const file of ["tls.crt", "tls.key", "ca.crt"]) symlinkSync(`..data/${file}`, join(folder, file));
  files = { certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key"), caFile: join(folder, "ca.crt") };
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Fetched {
  readonly status: number;
  readonly body: string;
  /** Whom the server says it is. */
  readonly server: string;
}

async function fetched(response: IncomingMessage, server: string): Promise<Fetched> {
  let body = "";
  response.setEncoding("utf8");
  for await (const part of response) body += String(part);
  return { status: response.statusCode ?? 0, body, server };
}

/** Fetches a page over TLS, knowing the server by its authority. */
async function fetchSecure(port: number, path: string, identity: KeyPairPem | undefined): Promise<Fetched> {
  const request = getSecure({ host: "127.0.0.1", port, path, agent: false, servername: "metrics.test", ca: authority.certificate, ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }) });
  let server = "";
  request.on("socket", (socket) => socket.on("secureConnect", () => (server = String((socket as TLSSocket).getPeerCertificate().subject.CN))));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return fetched(response, server);
}

async function fetchPlain(port: number, path: string): Promise<Fetched> {
  const [response] = (await once(get({ host: "127.0.0.1", port, path, agent: false }), "response")) as [IncomingMessage];
  return fetched(response, "");
}

/** What is wanted of an endpoint for metrics, whoever serves it. */
async function demands(port: number, path: string, metric: RegExp): Promise<void> {
  await waitFor(() => fetchSecure(port, path, client).then(({ status }) => status === 200, () => false), { what: "metrics over TLS", timeoutMs: 10_000 });
  const shown = await fetchSecure(port, path, client);
  assert.match(shown.body, metric);
  await assert.rejects(fetchSecure(port, path, undefined), "without a certificate");
  await assert.rejects(fetchSecure(port, path, stranger), "with a stranger's certificate");
  await assert.rejects(fetchPlain(port, path), "without TLS");
  const old = connect({ host: "127.0.0.1", port, servername: "metrics.test", ca: authority.certificate, cert: client.certificate, key: client.key, maxVersion: "TLSv1.2" });
  await assert.rejects(once(old, "secureConnect"), "with TLS 1.2");
  const next = `renewed-${version}`;
  await writeCertificate(next);
  await waitFor(() => fetchSecure(port, path, client).then(({ server }) => server === next, () => false), { what: "the renewed certificate", timeoutMs: 20_000 });
}

describe("metrics over TLS", { timeout: 120_000 }, () => {
  it("are Envoy's, for clients with a certificate of the authority; probes go without", async (test) => {
    const [stats = 0, health = 0] = await freePorts(2);
    const rig = await startRig();
    test.after(() => rig.stop());
    await rig.apply({ listeners: [], statics: { stats: { address: "127.0.0.1", port: stats }, statsTls: files, health: { address: "127.0.0.1", port: health }, adminPort: 0 } });
    await demands(stats, "/stats/prometheus", /envoy_server_live/);
    assert.equal((await fetchSecure(stats, "/ready", client)).status, 404);
    assert.deepEqual([(await fetchPlain(health, "/ready")).status, (await fetchPlain(health, "/stats")).status], [200, 404]);
    assert.deepEqual(rig.nacks, []);
  });

  it("are Envoy's without client certificates, where no authority is named", async (test) => {
    const [stats = 0, health = 0] = await freePorts(2);
    const rig = await startRig();
    test.after(() => rig.stop());
    const { certFile, keyFile } = files;
    await rig.apply({ listeners: [], statics: { stats: { address: "127.0.0.1", port: stats }, statsTls: { certFile, keyFile }, health: { address: "127.0.0.1", port: health }, adminPort: 0 } });
    await waitFor(() => fetchSecure(stats, "/stats/prometheus", undefined).then(({ status }) => status === 200, () => false), { what: "metrics over TLS", timeoutMs: 10_000 });
  });

  it("are the controller's, for clients with a certificate of the authority; probes go without", async (test) => {
    const [metrics = 0, health = 0, debug = 0] = await freePorts(3);
    const stop = new AbortController();
    const at = (port: number) => ({ address: "127.0.0.1", port });
    const registry = new Registry();
    const http = await serveHttp({ http: { ...at(metrics), tls: files }, health: at(health), debug: at(debug), registry, ready: () => true, state: new Health(() => 0), alive: async () => true, debugPages: [], log: pino({ level: "silent" }), signal: stop.signal });
    test.after(() => (stop.abort(), http.close()));
    registry.registerMetric(new Gauge({ name: "contour_test", help: "A test.", registers: [] }));
    await demands(metrics, "/metrics", /contour_test/);
    assert.equal((await fetchSecure(metrics, "/healthz", client)).status, 404);
    assert.deepEqual([(await fetchPlain(health, "/readyz")).status, (await fetchPlain(health, "/metrics")).status], [200, 404]);
  });
});
