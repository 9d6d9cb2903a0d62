import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import type { Cluster } from "../bed/cluster.ts";
import { startCluster } from "../bed/cluster.ts";
import { createAuthority } from "../bed/pki.ts";
import { waitFor } from "../bed/wait.ts";
import { http3ClientBootstrap, http3Headers } from "../envoy/http3-client.ts";
import { gatewayCrds, objectsOf } from "../kubernetes/serving.ts";
import { importProduct } from "./product.ts";

const root = join(import.meta.dirname, "../..");
const inContour = ["-n", "projectcontour"];

/** A Secret for shop.example.com. */
async function createCertificate(cluster: Cluster): Promise<void> {
  const { certificate, key } = await (await createAuthority("ways")).issue({ subject: "CN=shop.example.com", use: "server", dnsNames: ["shop.example.com"] });
  const data = { "tls.crt": Buffer.from(certificate).toString("base64"), "tls.key": Buffer.from(key).toString("base64") };
  await cluster.apply([{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: "shop-tls", namespace: "default" }, data } as never]);
}

/** A kustomization of somebody's own: one of the ways with a component. */
function withComponent(way: string, component: string): string {
  const own = mkdtempSync(join(tmpdir(), "contour-kustomization-"));
  const to = (path: string): string => relative(own, join(root, "deploy", path));
  writeFileSync(join(own, "kustomization.yaml"), `resources: [${to(way)}]\ncomponents: [${to(`components/${component}`)}]\n`);
  return own;
}

const gateway = objectsOf(`
apiVersion: projectcontour.io/v1alpha1
kind: ContourDeployment
metadata: { name: small, namespace: projectcontour }
spec: { envoy: { workloadType: Deployment, deployment: { replicas: 1 } } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: contour }
spec: { controllerName: projectcontour.io/gateway-controller, parametersRef: { group: projectcontour.io, kind: ContourDeployment, name: small, namespace: projectcontour } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: public, namespace: default }
spec: { gatewayClassName: contour, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop, namespace: default }
spec: { parentRefs: [{ name: public }], hostnames: [shop.example.com], rules: [{ backendRefs: [{ name: shop, port: 80 }] }] }
`);

describe("the ways of deploy/ on a real cluster", { timeout: 600_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
    await importProduct(cluster);
    await cluster.apply(gatewayCrds());
  });
  after(async () => await cluster?.stop());

  const install = async (folder: string): Promise<string> => cluster.kubectl("apply", "--server-side", "-k", join(root, "deploy", folder));
  const rolledOut = async (workload: string): Promise<string> => cluster.kubectl(...inContour, "rollout", "status", workload, "--timeout=240s");
  const answers = async (address: string): Promise<string> =>
    waitFor(async () => {
      const { status, body } = await cluster.fetch(`http://${address}/`, { headers: { host: "shop.example.com" } });
      return status === 200 ? body : Promise.reject(new Error(`${status} ${body}`));
    }, { what: `${address} answers`, timeoutMs: 60_000 });

  it("daemonset: an Envoy has ports of its node", async () => {
    await install("daemonset");
    await cluster.kubectl("apply", "-f", join(root, "examples/operations/shop.yaml"));
    await rolledOut("daemonset/envoy");
    assert.match(await answers(cluster.nodeIp), /^hello from shop-/);
  });

  it("daemonset with HTTP/3: QUIC comes through the load balancer, and through a port of the node", async () => {
    await createCertificate(cluster);
    await cluster.kubectl("apply", "-f", join(root, "examples/operations/shop-tls.yaml"));
    await cluster.kubectl(...inContour, "patch", "configmap", "contour", "--type=merge", `--patch=${JSON.stringify({ data: { "contour.yaml": "default-http-versions: [HTTP/1.1, HTTP/2, HTTP/3]" } })}`);
    await cluster.kubectl("apply", "--server-side", "-k", withComponent("daemonset", "http3"));
    await cluster.kubectl(...inContour, "rollout", "restart", "deployment/contour"); // the kubelet brings changes of a ConfigMap within a minute or two
    for (const workload of ["deployment/contour", "daemonset/envoy"]) await rolledOut(workload);
    const { status } = await cluster.get<{ readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] } } }>("/api/v1/namespaces/projectcontour/services/envoy");
    const balanced = status.loadBalancer.ingress?.[0]?.ip;
    assert.ok(balanced);
    const port = 18_443; // of loopback in the cluster's own namespace
    const bootstrap = join(cluster.folder, "http3-client.json");
    writeFileSync(bootstrap, JSON.stringify(http3ClientBootstrap(port, "own")));
    const client = cluster.start("http3-client", await ensureEnvoyBinary({ env: process.env, progress() {} }), "-c", bootstrap, "--use-dynamic-base-id", "--concurrency", "1");
    try {
      for (const address of [balanced, cluster.nodeIp]) {
        const answer = await waitFor(async () => {
          const found = await cluster.fetch(`http://127.0.0.1:${port}/`, { headers: { host: "shop.example.com", [http3Headers.target]: `${address}:443`, [http3Headers.sni]: "shop.example.com" } });
          return found.status === 200 ? found : Promise.reject(new Error(`${found.status} ${found.body}`));
        }, { what: `${address} answers over QUIC`, timeoutMs: 60_000 });
        assert.match(answer.body, /^hello from shop-/);
        assert.equal(answer.headers[http3Headers.protocol], "HTTP/3");
      }
    } finally {
      await client.stop();
    }
    await cluster.kubectl("apply", "-f", join(root, "examples/operations/shop.yaml"));
  });

  it("host-network: an Envoy has the network of its node, and comes after one that drained", async () => {
    await install("host-network");
    await rolledOut("deployment/contour");
    await rolledOut("daemonset/envoy");
    assert.match(await answers(cluster.nodeIp), /^hello from shop-/);
    await cluster.kubectl(...inContour, "delete", "daemonset", "envoy", "--cascade=foreground", "--timeout=120s");
    await cluster.kubectl(...inContour, "delete", "deployment", "contour");
  });

  it("gateway-provisioner: a Gateway gets Envoys that run, answer, and drain when they go", async () => {
    await install("gateway-provisioner");
    await rolledOut("deployment/contour-gateway-provisioner");
    await cluster.apply(gateway);
    const address = await waitFor(async () => {
      const { status } = await cluster.get<{ readonly status?: { readonly addresses?: readonly { readonly value: string }[] } }>("/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/public");
      return status?.addresses?.[0]?.value;
    }, { what: "the Gateway has an address", timeoutMs: 120_000 });
    assert.match(await answers(address), /^hello from shop-/);
    const pods = await cluster.kubectl("get", "pods", "-l", "projectcontour.io/owning-gateway-name=public", "-o", "jsonpath={.items[*].status.containerStatuses[*].ready}");
    assert.equal(pods, "true true");
    await cluster.kubectl("delete", "pods", "-l", "projectcontour.io/owning-gateway-name=public", "--timeout=120s");
    assert.match(await answers(address), /^hello from shop-/);
  });

  it("no hook of an Envoy that ended has failed", async () => {
    assert.equal(await cluster.kubectl("get", "events", "--all-namespaces", "--field-selector=reason=FailedPreStopHook", "-o", "name"), "");
  });
});
