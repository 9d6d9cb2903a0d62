import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import type { KubeObject } from "#k8s/object";
import { refOf } from "#k8s/object";
import { readFiles } from "#sources/file/read";
import { ingressProblems } from "#translate/facts";
import { waitFor } from "../bed/wait.ts";
import { send } from "../envoy/client.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";

const services = readFiles([new URL("../../testdata/golden/httpproxy/tls/manifests/services.yaml", import.meta.url).pathname]).objects;
const odd = (file: string): string => readFileSync(new URL(`../../testdata/certificates/odd/${file}`, import.meta.url), "utf8");
const secret = ({ certificate, key }: KeyPair): KubeObject => parsed({ apiVersion: "v1", kind: "Secret", metadata: { name: "web", namespace: "default", uid: "one" }, type: "kubernetes.io/tls", stringData: { "tls.crt": certificate, "tls.key": key } });
const backend = { service: { name: "web", port: { number: 80 } } };
const gatewayApi = "gateway.networking.k8s.io";

/** Who uses the certificate, by the port that shows it. */
const users: Readonly<Record<string, number>> = { "proxy.example.com": 8443, "ingress.example.com": 8443, "gateway.example.com": 9443, "set.example.com": 9443 };
const objects: readonly KubeObject[] = [
  ...services,
  parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "web", namespace: "default" }, spec: { virtualhost: { fqdn: "proxy.example.com", tls: { secretName: "web" } }, routes: [{ services: [{ name: "web", port: 80 }] }] } }),
  parsed({ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "web", namespace: "default" }, spec: { tls: [{ hosts: ["ingress.example.com"], secretName: "web" }], rules: [{ host: "ingress.example.com", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }] } }),
  parsed({ apiVersion: `${gatewayApi}/v1`, kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } }),
  parsed({ apiVersion: `${gatewayApi}/v1`, kind: "Gateway", metadata: { name: "public", namespace: "default" }, spec: { gatewayClassName: "contour", allowedListeners: { namespaces: { from: "Same" } }, listeners: [{ name: "https", port: 443, protocol: "HTTPS", hostname: "gateway.example.com", tls: { certificateRefs: [{ name: "web" }] } }] } }),
  parsed({ apiVersion: `${gatewayApi}/v1`, kind: "ListenerSet", metadata: { name: "more", namespace: "default" }, spec: { parentRef: { name: "public" }, listeners: [{ name: "set", port: 443, protocol: "HTTPS", hostname: "set.example.com", tls: { certificateRefs: [{ name: "web" }] } }] } }),
  parsed({ apiVersion: `${gatewayApi}/v1`, kind: "HTTPRoute", metadata: { name: "all", namespace: "default" }, spec: { parentRefs: [{ name: "public" }, { group: gatewayApi, kind: "ListenerSet", name: "more" }], rules: [{ backendRefs: [{ name: "web", port: 80 }] }] } }),
];

describe("a Secret that is rotated to something that cannot be served, under load", { timeout: 120_000 }, () => {
  const stage = new Stage();
  const failed: string[] = [];
  /** How often each certificate was seen. */
  const seen = new Map<string, number>();
  let going = true;
  let clients: readonly Promise<void>[];
  let issue: (name: string) => Promise<KeyPair>;

  before(async () => {
    const now = Date.now();
    const authority = await createAuthority("CN=rotation", now);
    issue = (name) => issueCertificate(authority, { use: "server", dnsName: "proxy.example.com", subject: `CN=${name}` }, now);
    await stage.open();
    await stage.play([...objects, secret(await issue("first"))]);
    for (const host of Object.keys(users)) await waitFor(async () => (await ask(host).catch(() => undefined))?.status === 200, { what: `${host} is served`, intervalMs: 10 });
    clients = Object.keys(users).map(async (host) => {
      while (going) {
        const answer = await ask(host).catch((error: unknown) => ({ status: 0, certificate: String(error) }));
        if (answer.status === 200) seen.set(answer.certificate ?? "", (seen.get(answer.certificate ?? "") ?? 0) + 1);
        else failed.push(`${host}: ${answer.status} ${answer.certificate}`);
      }
    });
  });
  after(async () => {
    going = false;
    await Promise.all(clients ?? []);
    await stage.close();
  });

  const ask = (host: string): ReturnType<typeof send> => send({ port: stage.port(users[host] ?? 0), host, sni: host });
  const put = (pair: KeyPair): void => stage.controller.apply([{ type: "upsert", object: secret(pair) }]);
  const said = (): string => JSON.stringify([...stage.statuses.values()].filter(({ kind }) => kind !== "HTTPRoute")) + JSON.stringify([...stage.controller.pipeline.graph.buckets(ingressProblems)]);
  /** So many more handshakes with this certificate by each client, and none with another. */
  async function allServe(name: string): Promise<void> {
    for (const host of Object.keys(users)) await waitFor(async () => (await ask(host)).certificate === name, { what: `${host} shows ${name}`, timeoutMs: 1000, intervalMs: 10 });
    seen.clear();
    await waitFor(() => (seen.get(name) ?? 0) >= 40, { what: `forty handshakes with ${name}`, intervalMs: 10 });
    assert.deepEqual([...seen.keys()], [name]);
  }

  it("is served as it was, by all who use it, and they are told; mended, the new one is there within a second", async () => {
    await allServe("first");
    const [second, third] = [await issue("second"), await issue("third")];
    const bad: Readonly<Record<string, KeyPair>> = {
      "does not belong to the certificate": { certificate: second.certificate, key: third.key },
      "has no PEM certificate": { certificate: "garbage", key: "garbage" },
      "ended at 2021-01-01": { certificate: odd("ended.crt"), key: odd("ended.key") },
      "counts from 2100-01-01": { certificate: odd("begins-later.crt"), key: odd("begins-later.key") },
      "1024 bits": { certificate: odd("rsa-1024.crt"), key: odd("rsa-1024.key") },
    };
    for (const [words, pair] of Object.entries(bad)) {
      put(pair);
      const told = said();
      assert.equal(told.split(words).length - 1, 4, `${words}: in the status of all four; ${told.slice(0, 2000)}`);
      await allServe("first");
    }
    put(second);
    await allServe("second");
    assert.ok(!said().includes("CertificateKept"));
    assert.deepEqual(failed, []);
    assert.deepEqual(stage.nacks, []);
  });

  it("deleted, it is served no more", async () => {
    going = false;
    await Promise.all(clients);
    const made = secret(await issue("third"));
    stage.controller.apply([{ type: "upsert", object: secret({ certificate: "garbage", key: "garbage" }) }]);
    stage.controller.apply([{ type: "delete", ref: refOf(made) }]);
    for (const host of Object.keys(users)) await waitFor(async () => ask(host).then(() => false, () => true), { what: `${host} is not served`, timeoutMs: 5000, intervalMs: 10 });
    stage.controller.apply([{ type: "upsert", object: made }]);
    for (const host of Object.keys(users)) await waitFor(async () => ask(host).then(({ certificate }) => certificate === "third", () => false), { what: `${host} is served again`, timeoutMs: 5000, intervalMs: 10 });
  });
});
