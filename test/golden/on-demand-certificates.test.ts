import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { get as httpGet } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import type { KubeObject } from "#k8s/object";
import { readFiles } from "#sources/file/read";
import { listenerType } from "#xds/types";
import { waitFor } from "../bed/wait.ts";
import { send } from "../envoy/client.ts";
import type { Answer, Wish } from "../envoy/client.ts";
import { pemOf } from "../peers/identities.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";

const golden = new URL("../../testdata/golden/", import.meta.url).pathname;
const services = readFiles([`${golden}httpproxy/tls/manifests/services.yaml`]).objects;
const trust = readFileSync(new URL("../../testdata/certificates/authority.pem", import.meta.url), "utf8");
const now = Date.now();
const authority = await createAuthority("CN=on-demand", now);
const configure = (tls: object): ContourConfiguration => parsed({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec: { envoy: { listener: { tls: { certificatesOnDemandFrom: 3, ...tls } } } } }) as ContourConfiguration;

let generation = 0;
const proxy = (name: string, fqdn: string, tls: object): KubeObject => parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default", generation: ++generation }, spec: { virtualhost: { fqdn, tls }, routes: [{ services: [{ name: "web", port: 80 }] }] } });
const secretOf = (name: string, { certificate, key }: KeyPair): KubeObject => parsed({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, type: "kubernetes.io/tls", stringData: { "tls.crt": certificate, "tls.key": key } });
const certificate = (dnsName: string, subject = dnsName): Promise<KeyPair> => issueCertificate(authority, { use: "server", dnsName, subject: `CN=${subject}` }, now);
/** A host of example.com with a certificate of its own. */
const site = async (name: string, tls: object = {}): Promise<readonly KubeObject[]> => [secretOf(name, await certificate(`${name}.example.com`)), proxy(name, `${name}.example.com`, { secretName: name, ...tls })];

describe("many TLS hosts share one filter chain, and Envoy asks for certificates", { timeout: 120_000 }, () => {
  const stage = new Stage();
  const sites = new Map<string, readonly KubeObject[]>();
  const play = async (name: string, tls: object = {}): Promise<void> => {
    const objects = await site(name, tls);
    sites.set(name, objects);
    await stage.play(objects);
  };
  const get = (sni: string, more: Partial<Wish> = {}): Promise<Answer> => send({ port: stage.port(8443), host: sni, sni, ...more });
  const seen = async (sni: string, more: Partial<Wish> = {}): Promise<string> => get(sni, more).then(({ status, certificate: name }) => `${status} ${name}`, (error: unknown) => `refused ${(error as { readonly code?: string }).code ?? String(error)}`);
  const becomes = (sni: string, wanted: string, more: Partial<Wish> = {}): Promise<boolean> => {
    let last = "";
    return waitFor(async () => (last = await seen(sni, more)) === wanted, { what: `${sni}: ${wanted} (last: ${last}) ${stage.nacks.join("; ").slice(0, 300)}`, timeoutMs: 15_000, intervalMs: 10 });
  };
  const adminText = (path: string): Promise<string> => new Promise((resolve, reject) => void httpGet({ socketPath: stage.adminSocket, path }, (answer) => void text(answer).then(resolve, reject)).on("error", reject));
  const listener = (): { readonly version: string; readonly bytes: string } | undefined => {
    const found = stage.controller.store.newest(listenerType, "ingress_https");
    return found && { version: found.version, bytes: found.frame.toString("latin1") };
  };
  const namesInListener = (): readonly string[] => ["a", "b", "c", "d", "guarded", "below", "alike"].filter((name) => new RegExp(`[^a-z]${name}\\.example\\.com`).test(listener()?.bytes ?? ""));

  before(async () => {
    await stage.open(configure({}));
    await stage.play([...services, parsed({ apiVersion: "v1", kind: "Secret", metadata: { name: "trust", namespace: "default" }, type: "Opaque", stringData: { "ca.crt": trust } })]);
  });
  after(() => stage.close());

  it("from the number that was chosen; before that, each has a chain", async () => {
    await play("a");
    await play("b");
    assert.deepEqual(namesInListener(), ["a", "b"]);
    await becomes("a.example.com", "200 a.example.com");
    await play("c");
    assert.deepEqual(namesInListener(), []);
    for (const name of ["a", "b", "c"]) await becomes(`${name}.example.com`, `200 ${name}.example.com`);
    assert.deepEqual(stage.nacks, []);
  });

  it("Envoy has no series for a single one of them", async () => {
    const stats = await adminText("/stats");
    assert.match(stats, /^listener\.127\.0\.0\.1_\d+\.ssl\.handshake: [1-9]/m);
    assert.match(stats, /^sds\.default\/.*\.update_success: /m, "certificates that the configuration named before");
    assert.deepEqual(stats.split("\n").filter((line) => /^(sds|listener)\..*\ba\.example\.com/.test(line)), []);
  });

  it("one more host sends nothing of the listener", async () => {
    const before = listener()?.version;
    await play("d");
    await becomes("d.example.com", "200 d.example.com");
    assert.equal(listener()?.version, before);
  });

  it("requests for another host than the connection's are misdirected, and capitals do not matter", async () => {
    assert.deepEqual([(await get("a.example.com", { host: "b.example.com" })).status, await seen("A.Example.COM"), (await get("a.example.com", { host: "A.EXAMPLE.com" })).status], [421, "200 a.example.com", 200]);
    assert.deepEqual([(await get("a.example.com", { http2: true })).status, (await get("a.example.com", { host: "none.example.com" })).status], [200, 404]);
  });

  it("clients that name no host, or one that there is not, are turned away at once, as without a certificate", async () => {
    for (const sni of ["none.example.com", "", "default/d", "x".repeat(200), "Ünïcode"]) assert.match(await seen(sni, { host: "a.example.com" }), /^refused /, sni);
    // To Envoy itself a star means everything, and this secret was of a chain that it is still ending: such clients wait in vain, and nobody else notices.
    const hanging = ["*", "default/a"].map((sni) => seen(sni, { host: "a.example.com" }));
    assert.equal(await seen("a.example.com"), "200 a.example.com");
    for (const one of await Promise.all(hanging)) assert.match(one, /^refused /);
    await play("late");
    await becomes("late.example.com", "200 late.example.com");
    assert.deepEqual(stage.nacks, []);
  });

  it("a renewed certificate is served, and one that many spell differently", async () => {
    assert.deepEqual(stage.nacks, []);
    await stage.play([secretOf("a", await certificate("a.example.com", "renewed"))]);
    await becomes("a.example.com", "200 renewed");
    await becomes("A.Example.COM", "200 renewed");
  });

  it("a host that goes is gone, and back when it is back", async () => {
    const remove = await stage.play([...(sites.get("d") ?? [])]);
    assert.equal(await seen("d.example.com"), "200 d.example.com");
    remove();
    await waitFor(async () => (await seen("d.example.com")).startsWith("refused "), { what: "d is gone", intervalMs: 10 });
    await play("d");
    await becomes("d.example.com", "200 d.example.com");
  });

  it("who asks for client certificates has a chain of its own beside, and they are asked for", async () => {
    await play("guarded", { clientValidation: { caSecret: "trust" } });
    await waitFor(() => namesInListener().join() === "guarded", { what: "the chain of the guarded host" });
    await becomes("guarded.example.com", "200 guarded.example.com", { identity: pemOf("client") });
    assert.match(await seen("guarded.example.com"), /^refused /);
    assert.equal((await get("a.example.com", { host: "guarded.example.com" })).status, 421);
  });

  it("below a wildcard: with the same certificate over its chain, with another one over a chain of its own", async () => {
    await stage.play([secretOf("wild", await certificate("*.example.com", "wild")), proxy("wild", "*.example.com", { secretName: "wild" }), proxy("alike", "alike.example.com", { secretName: "wild" })]);
    await play("below");
    await becomes("any.example.com", "200 wild");
    await becomes("alike.example.com", "200 wild");
    await becomes("below.example.com", "200 below.example.com");
    await becomes("a.example.com", "200 renewed");
    assert.equal((await get("any.example.com", { host: "a.example.com" })).status, 421);
    assert.deepEqual(stage.nacks, []);
  });
});

describe("certificates that Envoy gets before anybody asks", { timeout: 60_000 }, () => {
  it("serve their hosts while no controller can be reached", async (test) => {
    const stage = new Stage();
    test.after(() => stage.close());
    await stage.open(configure({ prefetchCertificatesFor: ["ready.example.com", "missing.example.com"] }));
    await stage.play([...services, ...(await Promise.all(["ready", "never", "asked"].map((name) => site(name)))).flat()]);
    const seen = (sni: string): Promise<string> => send({ port: stage.port(8443), host: sni, sni }).then(({ status, certificate: name }) => `${status} ${name}`, () => "refused");
    await waitFor(async () => (await seen("asked.example.com")) === "200 asked.example.com", { what: "a host that is asked for is served" });
    await stage.loseController();
    const answers = await Promise.all(["ready", "asked", "never", "missing"].map((name) => seen(`${name}.example.com`)));
    assert.deepEqual(answers, ["200 ready.example.com", "200 asked.example.com", "refused", "refused"]);
    assert.deepEqual(stage.nacks, []);
  });
});
