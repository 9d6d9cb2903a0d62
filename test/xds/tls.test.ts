import "reflect-metadata";
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { after, before, describe, it } from "node:test";
import { credentials } from "@grpc/grpc-js";
import type { X509Certificate } from "@peculiar/x509";
import { clusterType } from "#xds/types";
import { cluster, PlayedEnvoy, startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const { cryptoProvider, PemConverter, SubjectAlternativeNameExtension, BasicConstraintsExtension, X509CertificateGenerator } = await import("@peculiar/x509");
cryptoProvider.set(webcrypto as Crypto);
const algorithm = { name: "ECDSA", namedCurve: "P-256" };

type CryptoKeyPair = Awaited<ReturnType<typeof makeKeys>>;

function makeKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

interface Issued {
  readonly certificate: X509Certificate;
  readonly keys: CryptoKeyPair;
  readonly cert: string;
  readonly key: string;
}

async function issue(name: string, by?: Issued): Promise<Issued> {
  const keys = await makeKeys();
  const shared = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000), signingAlgorithm: { name: "ECDSA", hash: "SHA-256" }, publicKey: keys.publicKey, subject: `CN=${name}` };
  const certificate = await X509CertificateGenerator.create({ ...shared, issuer: by?.certificate.subject ?? `CN=${name}`, signingKey: (by?.keys ?? keys).privateKey, extensions: by ? [new SubjectAlternativeNameExtension([{ type: "dns", value: name }])] : [new BasicConstraintsExtension(true)] });
  const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { certificate, keys, cert: certificate.toString("pem"), key };
}

describe("the xDS server with mutual TLS", () => {
  let folder: string;
  let rig: Rig;
  let ca: Issued;
  let client: Issued;
  const files = () => ({ certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key"), caFile: join(folder, "ca.crt") });
  const delta = { mode: "delta", aggregated: true } as const;

  async function write(path: string, text: string): Promise<void> {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "xds-tls-"));
    ca = await issue("ca");
    client = await issue("envoy", ca);
    const server = await issue("contour", ca);
    await write(files().certFile, server.cert);
    await write(files().keyFile, server.key);
    await write(files().caFile, ca.cert);
    rig = await startRig({ tls: files() });
    rig.store.apply({ upserts: [cluster("c", "1")], removals: [] });
  });
  after(async () => {
    await rig.server.close();
    await rm(folder, { recursive: true });
  });

  function envoy(by: Issued = client): PlayedEnvoy {
    const tls = credentials.createSsl(Buffer.from(ca.cert), Buffer.from(by.key), Buffer.from(by.cert));
    return new PlayedEnvoy(`127.0.0.1:${rig.server.port}`, delta, tls);
  }

  it("serves a client with a certificate of its authority", async () => {
    const one = envoy();
    one.subscribe(clusterType);
    await one.until("c", () => one.text(clusterType, "c") === "1");
    one.close();
  });

  it("refuses a client without a certificate", async () => {
    const none = new PlayedEnvoy(`127.0.0.1:${rig.server.port}`, delta, credentials.createSsl(Buffer.from(ca.cert)));
    none.subscribe(clusterType);
    await none.until("the refusal", () => none.error !== undefined);
    assert.equal(none.seen.length, 0);
    assert.match(String(none.error), /UNAVAILABLE/);
    assert.doesNotMatch(String(none.error), /servername/);
    none.close();
  });

  it("refuses a client of another authority", async () => {
    const stranger = envoy(await issue("envoy", await issue("other")));
    stranger.subscribe(clusterType);
    await stranger.until("the refusal", () => stranger.error !== undefined);
    assert.equal(stranger.seen.length, 0);
    stranger.close();
  });

  it("speaks nothing below TLS 1.3", async () => {
    const failure = new Promise<string>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port: rig.server.port, maxVersion: "TLSv1.2", cert: client.cert, key: client.key, rejectUnauthorized: false });
      socket.on("error", (error) => resolve(error.message)).on("secureConnect", () => resolve("connected"));
    });
    assert.notEqual(await failure, "connected");
  });

  it("uses a new certificate for new connections and leaves open streams alone", async () => {
    const open = envoy();
    open.subscribe(clusterType);
    await open.until("c", () => open.text(clusterType, "c") === "1");
    const before = await serial();
    const next = await issue("contour", ca);
    await write(files().certFile, next.cert);
    await write(files().keyFile, next.key);
    while ((await serial()) === before) await new Promise((resolve) => setTimeout(resolve, 20));
    rig.store.apply({ upserts: [cluster("c", "2")], removals: [] });
    await open.until("the change on the old stream", () => open.text(clusterType, "c") === "2");
    assert.equal(open.error, undefined);
    open.close();
  });

  it("keeps its certificate while the files do not fit together", async () => {
    const before = await serial();
    await write(files().keyFile, "not a key");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(await serial(), before);
  });

  function serial(): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: rig.server.port, ALPNProtocols: ["h2"], cert: client.cert, key: client.key, ca: ca.cert, checkServerIdentity: () => undefined });
      socket.on("error", reject).on("secureConnect", () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
    });
  }
});
