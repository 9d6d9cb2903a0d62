import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Cluster } from "../bed/cluster.ts";
import { startCluster } from "../bed/cluster.ts";
import { waitFor } from "../bed/wait.ts";
import { gatewayCrds, objectsOf } from "../kubernetes/serving.ts";
import { importProduct } from "./product.ts";

const root = join(import.meta.dirname, "../..");
const inContour = ["-n", "projectcontour"];

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
