import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { credentials } from "@grpc/grpc-js";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import { clusterType, listenerType, scopeType, secretType } from "#xds/types";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { PlayedEnvoy } from "../xds/rig.ts";
import { contourCrds, page, startController, statusOf } from "./serving.ts";
import type { Serving } from "./serving.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const object = (apiVersion: string, kind: string, name: string, more: object): TestObject => ({ apiVersion, kind, metadata: { name, namespace: "default" }, ...more }) as TestObject;
const tlsSecret = (name: string, { certificate, key }: KeyPair): TestObject => object("v1", "Secret", name, { type: "kubernetes.io/tls", data: { "tls.crt": base64(certificate), "tls.key": base64(key) } });
const routes = [{ services: [{ name: "web", port: 80 }] }];
const proxy = (name: string, virtualhost: object, route: object = {}): TestObject => object("projectcontour.io/v1", "HTTPProxy", name, { spec: { virtualhost: { fqdn: `${name}.example.com`, ...virtualhost }, routes: [{ ...routes[0], ...route }] } });

// What must never be seen. Made up, and long enough not to appear by chance.
const signingKey = "c2lnbmluZy1rZXktb2YtdGhlLWlzc3Vlci0wMTIzNDU2Nzg5";
const bearerToken = "bearer-token-of-the-backend-0123456789";
const contextToken = "token-for-the-authorization-service-0123456789";
const brokenKeySet = "not-a-key-set-but-secret-all-the-same-0123456789";

/** The lines of a PEM text that are its contents, and the same as Kubernetes keeps them. */
function needlesOf(pem: string): readonly string[] {
  const lines = pem.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"));
  return [...lines, base64(pem).slice(60, 120)];
}

describe("secrets of the product", { timeout: 120_000 }, () => {
  let api: ApiServer;
  let controller: Pick<Serving, "process" | "httpPort" | "xdsPort" | "debugPort">;
  let envoy: PlayedEnvoy;
  let log = "";
  const needles = new Map<string, readonly string[]>();

  before(async () => {
    api = await startApiServer();
    const now = Date.now();
    const authority = await createAuthority("CN=test", now);
    const serving = await issueCertificate(authority, { use: "server", dnsName: "shop.example.com" }, now);
    const other = await issueCertificate(authority, { use: "server", dnsName: "mixed.example.com" }, now);
    const before = await issueCertificate(authority, { use: "server", dnsName: "rotated.example.com" }, now);
    const server = await issueCertificate(authority, { use: "server", dnsName: "contour" }, now);
    const client = await issueCertificate(authority, { use: "client", dnsName: "envoy" }, now);
    for (const [name, { key }] of Object.entries({ "TLS key": serving, "key of a mixed-up pair": other, "key from before a rotation": before, "xDS server key": server, "xDS client key": client })) needles.set(name, needlesOf(key));
    needles.set("signing key", [signingKey, base64(signingKey).slice(0, 40)]).set("header", [bearerToken]).set("context", [contextToken]).set("broken key set", [brokenKeySet, base64(brokenKeySet).slice(0, 40)]);
    const keySet = JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", kid: "one", k: signingKey }] });
    await api.apply([
      ...contourCrds(), { apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } },
      object("v1", "Service", "web", { spec: { ports: [{ port: 80 }] } }),
      tlsSecret("cert", serving),
      tlsSecret("rotated", before),
      tlsSecret("mixed", { certificate: serving.certificate, key: other.key }),
      tlsSecret("cut", { certificate: serving.certificate, key: other.key.slice(0, 150) }),
      object("v1", "Secret", "keys", { type: "Opaque", data: { "jwks.json": base64(keySet) } }),
      object("v1", "Secret", "broken-keys", { type: "Opaque", data: { "jwks.json": base64(brokenKeySet) } }),
      object("projectcontour.io/v1alpha1", "ExtensionService", "guard", { spec: { protocol: "h2c", services: [{ name: "web", port: 80 }] } }),
      proxy("shop", { tls: { secretName: "cert" }, jwtProviders: [{ name: "local", default: true, localJWKS: { secretName: "keys", key: "jwks.json" } }] }, { requestHeadersPolicy: { set: [{ name: "Authorization", value: `Bearer ${bearerToken}` }] } }),
      proxy("guarded", { tls: { secretName: "cert" }, authorization: { extensionRef: { name: "guard", namespace: "default" }, authPolicy: { context: { "api-token": contextToken } } } }),
      proxy("rotated", { tls: { secretName: "rotated" } }),
      proxy("mixed", { tls: { secretName: "mixed" } }),
      proxy("cut", { tls: { secretName: "cut" } }),
      proxy("unlocked", { tls: { secretName: "cert" }, jwtProviders: [{ name: "local", default: true, localJWKS: { secretName: "broken-keys", key: "jwks.json" } }] }),
    ]);
    const folder = join(api.folder, "xds");
    mkdirSync(folder);
    const file = (name: string, text: string): string => (writeFileSync(join(folder, name), text), join(folder, name));
    const keyFile = file("tls.key", server.key);
    controller = await startController(api, "--debug", "--contour-cafile", file("ca.crt", authority.certificate), "--contour-cert-file", file("tls.crt", server.certificate), "--contour-key-file", keyFile);
    await waitFor(async () => (await page(controller.httpPort, "/readyz")).status === 200, { what: `it is ready\n${controller.process.logTail()}` });
    envoy = new PlayedEnvoy(`127.0.0.1:${controller.xdsPort}`, { mode: "delta", aggregated: true }, credentials.createSsl(Buffer.from(authority.certificate), Buffer.from(client.key), Buffer.from(client.certificate)));
    // An Envoy that refuses, and quotes what it refuses.
    envoy.onResponse = (seen) => {
      if (seen.type !== secretType && seen.type !== listenerType) return;
      envoy.silentOn.add(seen.type);
      envoy.answer(seen, `cannot use ${serving.key} and key ${keySet}; Authorization: Bearer ${bearerToken}`);
    };
    for (const type of [clusterType, listenerType, scopeType] as const) envoy.subscribe(type);
    envoy.subscribe(secretType, ["default/cert"]);
    // A pair of files that does not fit together.
    writeFileSync(keyFile, other.key);
    for (const name of ["shop", "mixed", "cut", "unlocked"]) await waitFor(async () => (await statusOf<{ readonly currentStatus?: string }>(api, proxy(name, {})))?.currentStatus !== undefined, { what: `${name} has a status` });
    // A rotation to a key of another pair: the one from before stays in memory, and in service.
    await waitFor(async () => (await statusOf<{ readonly currentStatus?: string }>(api, proxy("rotated", {})))?.currentStatus === "valid", { what: "rotated is valid" });
    await api.apply([tlsSecret("rotated", { certificate: before.certificate, key: other.key })]);
    await waitFor(async () => JSON.stringify(await statusOf(api, proxy("rotated", {}))).includes("CertificateKept"), { what: "rotated keeps its certificate" });
    log = join(api.folder, `contour-${controller.xdsPort}.log`);
    await waitFor(() => /Envoy refuse/.test(readFileSync(log, "utf8")) && /certificate files cannot be used/.test(readFileSync(log, "utf8")), { what: `errors of all kinds\n${controller.process.logTail()}` });
  });
  after(async () => {
    envoy?.close();
    await controller?.process.stop();
    await api?.stop();
  });

  function found(where: string, text: string): readonly string[] {
    return [...needles].flatMap(([name, parts]) => (parts.some((part) => text.includes(part)) ? [`${name} in ${where}`] : []));
  }

  it("are in no line of the log, whoever quotes them", () => {
    const text = readFileSync(log, "utf8");
    assert.ok(text.includes("[redacted]"), "something had to be taken out");
    assert.deepEqual(found("the log", text), []);
  });

  it("are on no debug page and in no metric", async () => {
    const list = (await page(controller.debugPort, "/debug")).text;
    const paths = [...list.matchAll(/^(\/debug\S+)/gm)].map(([, path]) => path ?? "");
    const kinds = ["Secret/default/cert", "Secret/default/keys", "HTTPProxy/default/shop", "HTTPProxy/default/guarded", "Secret/default/rotated", "HTTPProxy/default/rotated"].map((name) => `/debug/objects/${name}`);
    const hosts = ["shop", "guarded", "unlocked", "rotated"].map((name) => `/debug/model/${name}.example.com`);
    const all = [...paths, ...kinds, ...hosts, "/debug/envoys/played", "/debug/pprof/profile?seconds=0.1", "/debug/pprof/heap?seconds=0.1", "/debug/pprof/memory", "/debug/graph?rule=virtual-host&bucket=shop.example.com", "/debug/graph?rule=examine-secret&bucket=default/rotated"];
    const seen = await Promise.all(all.filter((path) => !/pprof.*seconds/.test(path)).map(async (path) => found(path, (await page(controller.debugPort, path)).text)));
    for (const path of all.filter((one) => /pprof.*seconds/.test(one))) seen.push(found(path, (await page(controller.debugPort, path)).text));
    seen.push(found("/metrics", (await page(controller.httpPort, "/metrics")).text));
    assert.deepEqual(seen.flat(), []);
    assert.match((await page(controller.debugPort, "/debug/model/shop.example.com")).text, /\[redacted\]/);
  });

  it("are in no status of an object", async () => {
    for (const name of ["shop", "guarded", "mixed", "cut", "unlocked", "rotated"]) assert.deepEqual(found(`the status of ${name}`, JSON.stringify(await statusOf(api, proxy(name, {})))), []);
  });
});
