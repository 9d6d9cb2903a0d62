import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import type { KubeObject } from "#k8s/object";
import { readFiles } from "#sources/file/read";
import { tlsScanner } from "../bed/cache.ts";
import { waitFor } from "../bed/wait.ts";
import { parsed } from "../golden/parsed.ts";
import { Stage } from "../golden/stage.ts";

const services = readFiles([new URL("../../testdata/golden/httpproxy/tls/manifests/services.yaml", import.meta.url).pathname]).objects;
const odd = (file: string): string => readFileSync(new URL(`../../testdata/certificates/odd/${file}`, import.meta.url), "utf8");
const secret = (name: string, certificate: string, key: string): KubeObject => parsed({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, type: "kubernetes.io/tls", stringData: { "tls.crt": certificate, "tls.key": key } });
const proxy = (host: string, tls: object): KubeObject => parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: host.split(".")[0], namespace: "default" }, spec: { virtualhost: { fqdn: host, tls }, routes: [{ services: [{ name: "web", port: 80 }] }] } });
const objects = [
  ...services,
  // Out of order: the scanner gets it in order.
  secret("chain", odd("intermediate.crt") + odd("root.crt") + odd("leaf.crt"), odd("leaf.key")),
  secret("rsa", odd("rsa-2048.crt"), odd("rsa-2048.key")),
  proxy("odd.example.com", { secretName: "chain" }),
  proxy("rsa.example.com", { secretName: "rsa" }),
  proxy("modern.example.com", { secretName: "chain", minimumProtocolVersion: "1.3" }),
];

/** What a scanner found. */
interface Findings {
  /** Protocols that are spoken. */
  readonly protocols: readonly string[];
  /** `protocol cipher`, as they are preferred. */
  readonly ciphers: readonly string[];
  readonly groups: readonly string[];
  readonly subjects: readonly string[];
  readonly xml: string;
}

async function scan(port: number, host: string): Promise<Findings> {
  const { path, env } = tlsScanner();
  // Its look for Heartbleed ends it when the server turns a version down.
  const xml = await new Promise<string>((resolve, reject) => execFile(path, ["--xml=-", "--show-certificate", "--no-colour", "--no-heartbleed", `--sni-name=${host}`, `127.0.0.1:${port}`], { env: { ...process.env, ...env }, timeout: 60_000, maxBuffer: 1 << 24 }, (error, out) => (error === null ? resolve(out) : reject(new Error(`${error.message}\n${out}`)))));
  const all = (pattern: RegExp): readonly string[] => [...xml.matchAll(pattern)].map((found) => found.slice(1).join(" "));
  return {
    protocols: all(/<protocol type="(\w+)" version="([\d.]+)" enabled="1"/g),
    ciphers: all(/<cipher status="\w+" sslversion="([^"]+)" bits="\d+" cipher="([^"]+)"/g),
    groups: all(/<group sslversion="([^"]+)" bits="\d+" name="([^"]+)"/g),
    subjects: all(/<subject><!\[CDATA\[([^\]]*)\]\]>/g),
    xml,
  };
}

describe("what a TLS scanner finds", { timeout: 180_000 }, () => {
  async function scanned(hosts: readonly string[], tls: object = {}): Promise<readonly Findings[]> {
    const stage = new Stage();
    try {
      await stage.open(parsed({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec: { envoy: { listener: { tls } } } }) as ContourConfiguration);
      await stage.play(objects);
      assert.deepEqual(stage.nacks, []);
      for (const host of hosts) await waitFor(async () => (await stage.send({ url: `https://${host}/`, status: 200 }).catch(() => undefined))?.status === 200, { what: `${host} is served`, intervalMs: 20 });
      const found: Findings[] = [];
      for (const host of hosts) found.push(await scan(stage.port(8443), host));
      return found;
    } finally {
      await stage.close();
    }
  }

  it("with nothing configured: TLS 1.2 and 1.3, forward secrecy and authenticated ciphers only", async () => {
    const [ecdsa, rsa, modern] = await scanned(["odd.example.com", "rsa.example.com", "modern.example.com"]);
    for (const one of [ecdsa, rsa]) {
      assert.ok(one !== undefined);
      assert.deepEqual(one.protocols, ["tls 1.2", "tls 1.3"], one.xml);
      assert.ok(one.ciphers.length >= 4);
      assert.deepEqual(one.ciphers.filter((cipher) => !/^TLSv1\.3 TLS_|^TLSv1\.2 ECDHE-(?:ECDSA|RSA)-(?:AES\d+-GCM|CHACHA20-POLY1305)/.test(cipher)), []);
    }
    assert.deepEqual(modern?.protocols, ["tls 1.3"]);
    assert.ok(ecdsa?.groups.some((group) => /X?25519/i.test(group)), `groups: ${ecdsa?.groups.join(", ")}`);
    assert.match(ecdsa?.subjects.join() ?? "", /^[^,]*leaf/, "the server's own certificate comes first");
    for (const { xml } of [ecdsa, rsa, modern].filter((one) => one !== undefined)) {
      assert.doesNotMatch(xml, /<compression supported="1"/);
      assert.doesNotMatch(xml, /<renegotiation supported="1" secure="0"/);
    }
  });

  it("with ciphers and versions configured: those and no others", async () => {
    const [narrow] = await scanned(["odd.example.com"], { cipherSuites: ["ECDHE-ECDSA-AES256-GCM-SHA384"], maximumProtocolVersion: "1.2" });
    assert.deepEqual([narrow?.protocols, narrow?.ciphers], [["tls 1.2"], ["TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"]]);
    const [modern] = await scanned(["odd.example.com"], { minimumProtocolVersion: "1.3" });
    assert.deepEqual(modern?.protocols, ["tls 1.3"]);
  });
});
