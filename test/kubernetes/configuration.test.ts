import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { contourCrds, objectsOf, startServing, untilStatus } from "./serving.ts";

interface ProxyStatus {
  readonly currentStatus: string;
  readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] };
}

const [service, slice, shop, guard] = objectsOf(`
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: "", port: 8080, protocol: TCP }]
endpoints: [{ addresses: [10.1.2.3], conditions: { ready: true } }]
---
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: shop, namespace: default }
spec: { virtualhost: { fqdn: shop.example.com }, routes: [{ services: [{ name: web, port: 80 }] }] }
---
apiVersion: projectcontour.io/v1alpha1
kind: ExtensionService
metadata: { name: guard, namespace: default }
spec: { services: [{ name: web, port: 80 }] }
`) as [TestObject, TestObject, TestObject, TestObject];

describe("contour serve --config-path", { timeout: 120_000 }, () => {
  let api: ApiServer;
  before(async () => {
    api = await startApiServer();
    await api.apply([...contourCrds(), service, slice, shop, guard]);
  });
  after(async () => api?.stop());

  const write = async (text: string): Promise<string> => {
    const path = join(api.folder, "contour.yaml");
    await writeFile(path, text);
    return path;
  };

  it("serves what the file says, also to Envoy; what has no effect is told with its place", async () => {
    const path = await write("ingress-status-address: 192.0.2.44\ntimeouts: { connect-timeout: 7s }\ncompression: { algorithm: zstd }\nkubernetesClientQPS: 50\naccesslog-format: json\njson-fields: [ts, path]\n");
    const serving = await startServing(api, "--disable-leader-election", "--config-path", path, "--disable-feature", "extensionservices");
    try {
      const status = await untilStatus<ProxyStatus>(api, shop, "the address of the file", ({ loadBalancer }) => (loadBalancer?.ingress ?? []).length > 0);
      assert.deepEqual(status.loadBalancer?.ingress, [{ ip: "192.0.2.44" }]);
      await waitFor(() => [...serving.held.keys()].some((name) => name.startsWith("cds default/web")), { what: "the cluster" });
      assert.ok([...serving.held].some(([name, body]) => name === "lds ingress_http" && body.includes("zstd") && body.includes("X-ENVOY-ORIGINAL-PATH?:PATH")), "the listener has the compressor and the log of the file");
      assert.ok(![...serving.held.keys()].some((name) => name.startsWith("cds extension/")), "a kind that is left alone is not served");
      assert.match(serving.process.logTail(), /contour\.yaml: kubernetesClientQPS has no effect/);
    } finally {
      await serving.stop();
    }
  });

  it("lets a flag win that is given", async () => {
    const path = await write("ingress-status-address: 192.0.2.44\n");
    const serving = await startServing(api, "--disable-leader-election", "-c", path, "--ingress-status-address", "192.0.2.55");
    try {
      await untilStatus<ProxyStatus>(api, shop, "the address of the flag", ({ loadBalancer }) => loadBalancer?.ingress?.[0]?.ip === "192.0.2.55");
    } finally {
      await serving.stop();
    }
  });
});
