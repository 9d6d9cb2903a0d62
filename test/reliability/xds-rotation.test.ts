import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect } from "node:tls";
import { after, before, describe, it } from "node:test";
import { createAuthority } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import { issueXdsCertificates, xdsSecrets } from "#certs/xds-secrets";
import { secretFiles } from "#envoy/bootstrap-secrets";
import type { TestObject } from "../bed/kube-client.ts";
import { mountSecret } from "../bed/mounted-secret.ts";
import { waitFor } from "../bed/wait.ts";
import { page } from "../kubernetes/serving.ts";
import { startLoad } from "./load.ts";
import { report } from "./report.ts";
import { World, hosts } from "./world.ts";

const ours = "projectcontour";
/** How long each certificate lives. The controller gives the next one as long a life. */
const lifeSeconds = 16;
const rotations = 4;

describe("the certificates that certgen made", { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "contour-xds-rotation-"));
  const [server, client] = [join(folder, "contour"), join(folder, "envoy")];
  const files = (of: string) => ({ caFile: join(of, "ca.crt"), certFile: join(of, "tls.crt"), keyFile: join(of, "tls.key") });
  const envoyTls = { ...files(client), resourcesDir: join(folder, "resources") };
  const stop = new AbortController();
  let world: World;
  let authority: KeyPair;

  const path = (name: string): string => `/api/v1/namespaces/${ours}/secrets/${name}`;
  const secretOf = (name: string, { certificate, key }: KeyPair): TestObject => ({ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name, namespace: ours }, data: { "tls.crt": btoa(certificate), "tls.key": btoa(key) } });
  const install = async (): Promise<void> => {
    const certificates = await issueXdsCertificates(authority, { namespace: ours, days: lifeSeconds / 86_400, now: Date.now() });
    for (const secret of xdsSecrets(certificates, { format: "compact", namespace: ours, suffix: "" })) {
      const { status } = await world.api.request("PUT", path(secret.metadata.name), secret);
      if (status === 404) await world.api.request("POST", `/api/v1/namespaces/${ours}/secrets`, secret);
    }
  };
  before(async () => {
    world = await World.open();
    authority = await createAuthority("CN=Contour xDS", Date.now());
    await world.api.apply([secretOf("contour-xds-authority", authority)]);
    await install();
    await mountSecret(world.api, path("contourcert"), server, stop.signal);
    await mountSecret(world.api, path("envoycert"), client, stop.signal);
    for (const { path: file, text } of secretFiles(envoyTls)) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const { caFile, certFile, keyFile } = files(server);
    await world.startReplica("--contour-cafile", caFile, "--contour-cert-file", certFile, "--contour-key-file", keyFile);
    await world.startEnvoy({ kind: "tcp", address: "127.0.0.1", port: world.balancer.port, tls: envoyTls });
  });
  after(async () => {
    stop.abort();
    await world?.close();
    rmSync(folder, { recursive: true });
  });

  const replica = (): World["replicas"][number] => world.replicas[0] as World["replicas"][number];
  const streams = (): Promise<number> => world.metric(replica(), /^grpc_server_started_total\{/);
  const mounted = (of: string): X509Certificate => new X509Certificate(readFileSync(join(of, "tls.crt")));
  /** The number of the certificate that the xDS server shows. */
  const shown = (): Promise<string> => new Promise((resolve, reject) => {
    const { certFile, keyFile } = files(client);
    const socket = connect({ host: "127.0.0.1", port: replica().xdsPort, servername: "contour", ca: authority.certificate, cert: readFileSync(certFile), key: readFileSync(keyFile) }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
  const inEnvoy = async (serial: string): Promise<boolean> => ((await world.envoys[0]?.admin("/certs")) ?? "").toLowerCase().includes(serial.toLowerCase());

  it(`are renewed by the controller, again and again, and taken over by both sides; nothing notices`, async (test) => {
    const load = startLoad(test, { port: world.httpPort, hosts, connections: 8 });
    const before = await streams();
    const seen = [new Set([mounted(server).serialNumber]), new Set([mounted(client).serialNumber])] as const;
    let next = 700;
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      await waitFor(() => !seen[0].has(mounted(server).serialNumber) && !seen[1].has(mounted(client).serialNumber), { what: `rotation ${rotation}\n${replica().process.logTail()}`, timeoutMs: lifeSeconds * 1000 });
      const [contour, envoy] = [mounted(server), mounted(client)];
      seen[0].add(contour.serialNumber);
      seen[1].add(envoy.serialNumber);
      for (const certificate of [contour, envoy]) assert.equal(certificate.validToDate.getTime() - certificate.validFromDate.getTime(), lifeSeconds * 1500, "as long as the one before");
      await waitFor(async () => (await shown()) === contour.serialNumber, { what: "the xDS server shows it" });
      await waitFor(() => inEnvoy(envoy.serialNumber), { what: "Envoy has it" });
      await world.serveNewHost(next++);
    }
    const during = (await streams()) - before;
    // All the first ones have ended by now. A new connection is made with those of today.
    world.balancer.cut();
    await waitFor(async () => (await streams()) - before > during, { what: "Envoy connects again" });
    await world.serveNewHost(next);
    const result = await load.stop();
    report(test, { fault: "xDS certificates that live 16 seconds, renewed by the controller four times", load: result, lost: result.failures.length, seen: `${during} streams broken by it; Envoy connects again with the fifth pair, long after the first one has ended` });
    assert.equal(during, 0);
    assert.deepEqual(result.failures, []);
  });

  it("show in metrics when they end, and in events that they were renewed", async () => {
    const text = await waitFor(async () => {
      const metrics = (await page(replica().httpPort, "/metrics")).text;
      const ends = (name: string): number => Number(new RegExp(`^contour_xds_secret_expiry_timestamp_seconds\\{name="${name}"\\} (\\S+)$`, "m").exec(metrics)?.[1]);
      return ends("envoycert") * 1000 === mounted(client).validToDate.getTime() && ends("contourcert") > Date.now() / 1000 && ends("contour-xds-authority") > Date.now() / 1000 + 9 * 365 * 86_400;
    }, { what: "the metric" });
    assert.ok(text);
    const { items } = await world.api.get<{ readonly items: readonly { readonly reason: string; readonly regarding: { readonly name: string } }[] }>(`/apis/events.k8s.io/v1/namespaces/${ours}/events`);
    for (const name of ["contourcert", "envoycert"]) assert.ok(items.filter(({ reason, regarding }) => reason === "XdsCertificateRenewed" && regarding.name === name).length >= rotations, name);
  });

  it("are left alone where they are somebody else's: cert-manager's, an operator's, of another authority; that they end is told", async () => {
    const marks = [{ annotations: { "cert-manager.io/certificate-name": "contour" } }, { ownerReferences: [{ apiVersion: "example.com/v1", kind: "Certificate", name: "contour", uid: "1" }] }];
    for (const mark of marks) {
      await world.api.request("PATCH", path("envoycert"), { metadata: { annotations: null, ownerReferences: null, ...mark } }, "application/merge-patch+json");
      // The other one is renewed meanwhile, twice: so the controller has looked, after the time of this one.
      const [before, other] = [mounted(client).serialNumber, new Set([mounted(server).serialNumber])];
      await waitFor(() => other.add(mounted(server).serialNumber).size > 2, { what: "the other Secret is renewed", timeoutMs: 3 * lifeSeconds * 1000 });
      assert.equal(mounted(client).serialNumber, before);
    }
    const told = await waitFor(async () => {
      const { items } = await world.api.get<{ readonly items: readonly { readonly reason: string; readonly note: string; readonly regarding: { readonly name: string } }[] }>(`/apis/events.k8s.io/v1/namespaces/${ours}/events`);
      return items.find(({ reason, regarding }) => reason === "XdsCertificateEnds" && regarding.name === "envoycert");
    }, { what: "an event" });
    assert.match(told.note, /was not made here, so whoever did has to renew it/);
  });
});
