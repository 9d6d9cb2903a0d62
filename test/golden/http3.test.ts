import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import type { KubeObject } from "#k8s/object";
import { readFiles } from "#sources/file/read";
import { listenerType } from "#xds/types";
import { createAuthority } from "../bed/pki.ts";
import { waitFor } from "../bed/wait.ts";
import type { Answer } from "../envoy/client.ts";
import { startHttp3Client } from "../envoy/http3-client.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";
import { strangeList } from "./strange-pem.ts";
import type { StoryRequest } from "./story.ts";

const services = readFiles([new URL("../../testdata/golden/httpproxy/tls/manifests/services.yaml", import.meta.url).pathname]).objects;
const configuration = (envoy: object): ContourConfiguration => parsed({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec: { envoy } }) as ContourConfiguration;
const withHttp3 = { defaultHTTPVersions: ["HTTP/1.1", "HTTP/2", "HTTP/3"] };

const proxy = (name: string, tls: object = {}, fqdn = `${name}.example.com`): KubeObject => parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default" }, spec: { virtualhost: { fqdn, tls: { secretName: name, ...tls } }, routes: [{ services: [{ name: "web", port: 80 }] }] } });
const issuer = await createAuthority("http3");
/** A Secret with a new certificate of that name, for all hosts of these tests. */
const secret = async (name: string, commonName: string): Promise<KubeObject> => {
  const { certificate, key } = await issuer.issue({ subject: `CN=${commonName}`, use: "server", dnsNames: ["*.example.com"] });
  return parsed({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, type: "kubernetes.io/tls", stringData: { "tls.crt": certificate, "tls.key": key } });
};
const opaque = (name: string, stringData: object): KubeObject => parsed({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, type: "Opaque", stringData });
const ask = (host: string, more: Partial<StoryRequest> = {}): StoryRequest => ({ url: `https://${host}/`, http3: true, status: 200, ...more });

/** A stage on which shop.example.com is served. */
async function opened(envoy: object): Promise<Stage> {
  const stage = new Stage();
  await stage.open(configuration(envoy));
  await stage.play([...services, await secret("shop", "old"), proxy("shop")]);
  assert.deepEqual(stage.nacks, []);
  await waitFor(() => stage.send(ask("shop.example.com", { http3: false })).then(({ status }) => status === 200, () => false), { what: "Envoy listens", intervalMs: 10, timeoutMs: 10_000 });
  return stage;
}

async function until(what: string, look: () => Promise<Answer>, wanted: (answer: Answer) => boolean): Promise<void> {
  await waitFor(() => look().then(wanted, () => false), { what, intervalMs: 10, timeoutMs: 10_000 });
}

describe("HTTP/3", { timeout: 60_000 }, () => {
  let stage: Stage;
  before(async () => void (stage = await opened(withHttp3)));
  after(() => stage.close());

  it("shows a certificate that was renewed, without a new listener", async (test) => {
    const names = (): readonly (string | undefined)[] => ["ingress_https", "ingress_https-quic"].map((name) => stage.controller.store.newest(listenerType, name)?.version);
    const before = names();
    await until("the first certificate", () => stage.send(ask("shop.example.com")), ({ certificate }) => certificate === "old");
    await stage.play([await secret("shop", "new")]);
    // Who was here before resumes its session, and is shown no certificate.
    const fresh = await startHttp3Client();
    test.after(() => fresh.stop());
    await until("the new certificate", () => fresh.send({ port: stage.port(8443), host: "shop.example.com" }), ({ certificate, status }) => certificate === "new" && status === 200);
    assert.deepEqual(names(), before);
  });

  it("is taken from a host that begins to ask for client certificates, though a wildcard would have its connections", async () => {
    await stage.play([await secret("wild", "wild"), proxy("wild", {}, "*.example.com"), proxy("mutual", { secretName: "wild" })]);
    await until("HTTP/3 of a host of its own", () => stage.send(ask("mutual.example.com")), ({ status }) => status === 200);
    await stage.play([opaque("authority", { "ca.crt": issuer.certificate }), proxy("mutual", { secretName: "wild", clientValidation: { caSecret: "authority" } })]);
    await until("its connections are turned away", () => stage.send(ask("mutual.example.com")), ({ status }) => status === 421);
    assert.equal((await stage.send(ask("other.example.com"))).status, 200);
    assert.equal((await stage.send(ask("mutual.example.com", { sni: "other.example.com" }))).status, 421);
  });

  it("keeps a host out whose part Envoy refuses, and serves the others", async () => {
    await stage.play([opaque("trusted", { "ca.crt": readFileSync(new URL("../../testdata/certificates/authority.pem", import.meta.url), "utf8") }), opaque("strange", { "crl.pem": strangeList }), proxy("mutual", { secretName: "wild", clientValidation: { caSecret: "trusted", crlSecret: "strange" } })]);
    await waitFor(() => JSON.stringify(stage.statuses.get("HTTPProxy/default/mutual")).includes("RejectedByEnvoy"), { what: "the object is told", intervalMs: 5, timeoutMs: 10_000 });
    await stage.settled();
    assert.equal((await stage.send(ask("mutual.example.com"))).status, 421);
    // Nor over TCP, by the chain of the wildcard.
    await assert.rejects(stage.send(ask("mutual.example.com", { http3: false })));
    assert.equal((await stage.send(ask("shop.example.com"))).status, 200);
  });

  it("ends with the last host that speaks it", async () => {
    await stage.settled();
    assert.ok(stage.controller.store.newest(listenerType, "ingress_https-quic"));
    stage.controller.apply(["shop", "wild"].map((name) => ({ type: "delete", ref: { kind: "HTTPProxy", namespace: "default", name } })));
    await waitFor(() => stage.controller.store.newest(listenerType, "ingress_https-quic") === undefined, { what: "the UDP listener is gone", intervalMs: 5 });
  });
});

describe("HTTP/3 is off", { timeout: 60_000 }, () => {
  for (const [why, envoy] of [["unless it is chosen", {}], ["where a PROXY protocol header is expected", { ...withHttp3, listener: { useProxyProtocol: true } }]] as const) {
    it(why, async (test) => {
      const stage = new Stage();
      test.after(() => stage.close());
      await stage.open(configuration(envoy));
      await stage.play([...services, await secret("shop", "old"), proxy("shop")]);
      assert.deepEqual([stage.nacks, [...stage.controller.store.names(listenerType)].filter((name) => name.includes("https"))], [[], ["ingress_https"]]);
      await assert.rejects(stage.send(ask("shop.example.com")), /no connection by HTTP\/3/);
    });
  }
});
