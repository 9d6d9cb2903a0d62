import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { CertificateWish, KeyPair } from "#certs/authority";
import { secretFiles } from "#envoy/bootstrap-secrets";
import { waitFor } from "../bed/wait.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { World, hosts } from "./world.ts";

const daySeconds = 86_400;

/** A folder with the certificates of one side, as a mounted Secret would be. */
class CertificateFolder {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly #wish: CertificateWish;

  constructor(folder: string, wish: CertificateWish) {
    this.#wish = wish;
    mkdirSync(folder, { recursive: true });
    [this.caFile, this.certFile, this.keyFile] = [join(folder, "ca.crt"), join(folder, "tls.crt"), join(folder, "tls.key")];
  }

  /** Issues a certificate for so many seconds; gives when it ends (milliseconds since 1970). */
  async write(authority: KeyPair, seconds: number): Promise<number> {
    const now = Date.now();
    const { certificate, key } = await issueCertificate(authority, { ...this.#wish, days: seconds / daySeconds }, now);
    for (const [path, text] of [[this.caFile, authority.certificate], [this.keyFile, key], [this.certFile, certificate]] as const) {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    }
    return now + seconds * 1000;
  }
}

describe("the certificates between controller and Envoy", { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "contour-xds-certificates-"));
  const server = new CertificateFolder(join(folder, "contour"), { use: "server", dnsName: "contour" });
  const client = new CertificateFolder(join(folder, "envoy"), { use: "client", dnsName: "envoy" });
  const envoyTls = { ...client, resourcesDir: join(folder, "resources") };
  let authority: KeyPair;
  let world: World;
  before(async () => {
    authority = await createAuthority("CN=xds", Date.now());
    await server.write(authority, 3600);
    await client.write(authority, 3600);
    const files = { certFile: client.certFile, keyFile: client.keyFile, caFile: client.caFile, resourcesDir: envoyTls.resourcesDir };
    for (const { path, text } of secretFiles(files)) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    world = await World.open();
    await world.startReplica("--contour-cafile", server.caFile, "--contour-cert-file", server.certFile, "--contour-key-file", server.keyFile);
    await world.startEnvoy({ kind: "tcp", address: "127.0.0.1", port: world.balancer.port, tls: files });
  });
  after(async () => {
    await world?.close();
    rmSync(folder, { recursive: true });
  });

  const streams = async (): Promise<number> => world.metric(world.replicas[0] as (typeof world.replicas)[number], /^grpc_server_started_total\{/);
  const serverEnds = async (): Promise<number> => world.metric(world.replicas[0] as (typeof world.replicas)[number], /^contour_xds_certificate_expiry_timestamp_seconds/);
  const past = (time: number): Promise<boolean> => waitFor(() => Date.now() > time + 500, { what: "the certificates end", timeoutMs: 20_000 });

  it("are replaced on both sides, with another authority: the stream stays, and a new one is made with the new ones", async (test) => {
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    const [before, endsBefore] = [await streams(), await serverEnds()];
    const next = await createAuthority("CN=xds-next", Date.now());
    await server.write(next, 7200);
    await client.write(next, 7200);
    await waitFor(async () => (await serverEnds()) > endsBefore, { what: "the controller has the new certificate" });
    await world.serveNewHost(600);
    const during = await streams();
    world.balancer.cut();
    await waitFor(async () => (await streams()) > during, { what: "Envoy connects with the new certificates" });
    await world.serveNewHost(601);
    const result = await load.stop();
    report(test, { fault: "xDS certificates and their authority replaced on both sides", load: result, lost: result.failures.length, seen: `${during - before} streams broken by it; the next connection uses the new ones` });
    assert.equal(during, before);
    assert.deepEqual(result.failures, []);
    authority = next;
  });

  it("end: open streams go on; whoever connects is refused until there are new ones, and traffic goes on", async (test) => {
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    const endsBefore = await serverEnds();
    const ends = await server.write(authority, 5);
    await client.write(authority, 5);
    await waitFor(async () => (await serverEnds()) < endsBefore, { what: "the controller has the certificate that ends" });
    const [envoy] = world.envoys;
    assert.ok(envoy);
    // Envoy is to have them in use, too: the next connection is made with them.
    const first = await streams();
    await waitFor(async () => (await envoy.admin("/certs")).includes(new Date(ends).toISOString().slice(0, 17)), { what: "Envoy has the certificate that ends" });
    world.balancer.cut();
    await waitFor(async () => (await streams()) > first, { what: "Envoy connects" });
    const before = await streams();
    await past(ends);
    await world.serveNewHost(602);
    assert.equal(await streams(), before, "the open stream goes on");
    world.balancer.cut();
    const refused = await envoy.stat("cluster.contour.ssl.connection_error") + (await envoy.stat("cluster.contour.ssl.fail_verify_error"));
    await waitFor(async () => (await envoy.stat("cluster.contour.ssl.connection_error")) + (await envoy.stat("cluster.contour.ssl.fail_verify_error")) > refused, { what: "Envoy is refused" });
    await waitFor(() => load.answered() > 500, { what: "load without a controller" });
    await server.write(authority, 3600);
    await client.write(authority, 3600);
    const renewed = performance.now();
    await world.serveNewHost(603);
    const ms = Math.round(performance.now() - renewed);
    const result = await load.stop();
    report(test, { fault: "xDS certificates of both sides have ended", load: result, lost: result.failures.length, seen: `the open stream carried a new host after the end; Envoy was refused when it connected again, and was back ${ms} ms after new certificates were there` });
    assert.deepEqual(result.failures, []);
  });
});
