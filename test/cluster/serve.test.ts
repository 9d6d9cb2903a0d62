import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import type { Cluster } from "../bed/cluster.ts";
import { startCluster } from "../bed/cluster.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { createAuthority } from "../bed/pki.ts";
import { contourImage, envoyImage } from "../bed/product-image.ts";
import { waitFor } from "../bed/wait.ts";
import { contourCrds, gatewayCrds, objectsOf } from "../kubernetes/serving.ts";

const manifests = readdirSync(join(import.meta.dirname, "manifests")).toSorted().map((file) => readFileSync(join(import.meta.dirname, "manifests", file), "utf8"));
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Certificates for the xDS connection, and one for a host. */
async function secrets(): Promise<readonly TestObject[]> {
  const authority = await createAuthority("xds");
  const secret = (name: string, namespace: string, pair: { readonly certificate: string; readonly key: string }): TestObject => ({ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name, namespace }, data: { "ca.crt": base64(authority.certificate), "tls.crt": base64(pair.certificate), "tls.key": base64(pair.key) } });
  return [
    secret("contourcert", "projectcontour", await authority.issue({ subject: "CN=contour", use: "server", dnsNames: ["contour", "contour.projectcontour"] })),
    secret("envoycert", "projectcontour", await authority.issue({ subject: "CN=envoy", use: "client", dnsNames: ["envoy"] })),
    secret("shop-tls", "default", await authority.issue({ subject: "CN=shop.example.com", use: "server", dnsNames: ["shop.example.com"] })),
  ];
}

const [shop, wiki, ...routes] = objectsOf(`
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: shop, namespace: default }
spec:
  virtualhost: { fqdn: shop.example.com, tls: { secretName: shop-tls } }
  routes: [{ permitInsecure: true, services: [{ name: echo, port: 80 }] }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: wiki, namespace: default }
spec: { rules: [{ host: wiki.example.com, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: echo, port: { number: 80 } } } }] } }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: contour }
spec: { controllerName: projectcontour.io/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: public, namespace: default }
spec: { gatewayClassName: contour, listeners: [{ name: http, port: 1080, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: api, namespace: default }
spec: { parentRefs: [{ name: public }], hostnames: [api.example.com], rules: [{ backendRefs: [{ name: echo, port: 80 }] }] }
`) as [TestObject, TestObject, ...TestObject[]];

describe("contour and Envoy as pods", { timeout: 300_000 }, () => {
  let cluster: Cluster;
  let address = "";
  before(async () => {
    cluster = await startCluster();
    await Promise.all([cluster.importImage(contourImage()), cluster.importImage(envoyImage(await ensureEnvoyBinary({ env: process.env, progress() {} })))]);
    const system = manifests.flatMap(objectsOf);
    const [namespace, ...rest] = system as [TestObject, ...TestObject[]];
    await cluster.apply([...contourCrds(), ...gatewayCrds(), namespace, ...(await secrets()), ...rest]);
    for (const workload of rest.filter(({ kind }) => kind === "Deployment")) await cluster.untilRolledOut(workload, 120_000);
    address = await waitFor(async () => {
      const { status } = await cluster.get<{ readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] } } }>("/api/v1/namespaces/projectcontour/services/envoy");
      return status.loadBalancer.ingress?.[0]?.ip;
    }, { what: "Envoy's Service has an address" });
    await cluster.apply([shop, wiki, ...routes]);
  });
  after(async () => await cluster?.stop());

  const answeredBy = async (host: string, port = 80): Promise<string> =>
    waitFor(async () => {
      const answer = await cluster.fetch(`http://${address}:${port}/hello`, { headers: { host } });
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
      return (JSON.parse(answer.body) as { readonly pod: string }).pod;
    }, { what: `${host} answers` });

  it("carry requests of an HTTPProxy, an Ingress and an HTTPRoute to pods", async () => {
    assert.match(await answeredBy("shop.example.com"), /^echo-/);
    assert.match(await answeredBy("wiki.example.com"), /^echo-/);
    assert.match(await answeredBy("api.example.com", 1080), /^echo-/);
  });

  it("end TLS with the certificate of a Secret", async () => {
    const { stdout } = await cluster.exec("curl", "-ksv", "--resolve", `shop.example.com:443:${address}`, "https://shop.example.com/hello", "--stderr", "-");
    assert.match(stdout, /subject: CN=shop\.example\.com/);
    assert.match(stdout, /"pod": ?"echo-/);
  });

  it("tell the address of Envoy's Service in statuses", async () => {
    for (const object of [shop, wiki]) {
      await waitFor(async () => (await cluster.get<{ readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip: string }[] } } }>(await cluster.pathOf(object))).status?.loadBalancer?.ingress?.[0]?.ip === address, { what: `${object.kind} tells ${address}` });
    }
  });

  it("follow pods that come and go, without a failing request", async () => {
    const echo = "/apis/apps/v1/namespaces/default/deployments/echo";
    const pods = new Set<string>();
    const failed: string[] = [];
    const ask = async (): Promise<void> => {
      const { status, body } = await cluster.fetch(`http://${address}/hello`, { headers: { host: "shop.example.com" } });
      if (status === 200) pods.add((JSON.parse(body) as { readonly pod: string }).pod);
      else failed.push(`${status} ${body}`);
    };
    await cluster.request("PATCH", echo, { spec: { replicas: 3 } }, "application/merge-patch+json");
    await waitFor(async () => (await ask(), pods.size === 3), { what: "three pods answer", intervalMs: 20, timeoutMs: 60_000 });
    assert.deepEqual(failed, []);
  });

  it("serve on when the controller restarts", async () => {
    await cluster.kubectl("-n", "projectcontour", "delete", "pod", "-l", "app=contour", "--wait=false");
    const statuses = new Set<number>();
    await waitFor(async () => {
      statuses.add((await cluster.fetch(`http://${address}/hello`, { headers: { host: "shop.example.com" } })).status);
      const pods = await cluster.get<{ readonly items: readonly { readonly metadata: { readonly deletionTimestamp?: string }; readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } }[] }>("/api/v1/namespaces/projectcontour/pods?labelSelector=app%3Dcontour");
      const ready = pods.items.filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True"));
      return pods.items.length === 1 && ready.length === 1;
    }, { what: "another controller is ready", intervalMs: 50, timeoutMs: 90_000 });
    await cluster.apply([{ ...shop, metadata: { name: "late", namespace: "default" }, spec: { virtualhost: { fqdn: "late.example.com" }, routes: [{ services: [{ name: "echo", port: 80 }] }] } }]);
    assert.match(await answeredBy("late.example.com"), /^echo-/);
    assert.deepEqual([...statuses], [200]);
  });
});
