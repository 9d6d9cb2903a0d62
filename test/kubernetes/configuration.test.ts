import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { scopeResourceName } from "#envoy/names";
import { connectXds } from "../../bench/xds-client.ts";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import { freePort } from "../bed/free-port.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { contourCrds, objectsOf, page, startController, startServing, untilStatus } from "./serving.ts";
import type { Serving } from "./serving.ts";

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

  it("takes a folder, and the file in it when that comes", async () => {
    const folder = join(api.folder, "config");
    await mkdir(folder);
    const serving = await startServing(api, "--disable-leader-election", "-c", folder);
    try {
      await waitFor(() => serving.held.has("lds ingress_http"), { what: "a listener without a file" });
      await writeFile(join(folder, "contour.yaml"), "compression: { algorithm: zstd }\n");
      await waitFor(() => serving.held.get("lds ingress_http")?.includes("zstd") === true, { what: "the compressor of the file" });
    } finally {
      await serving.stop();
    }
  });

  it("follows the file: what changes counts at once, and a broken one is told with its place", async () => {
    const path = await write("timeouts: { connect-timeout: 7s }\n");
    const serving = await startServing(api, "--disable-leader-election", "-c", path, "--envoy-service-name", "ours");
    const metric = async (): Promise<string> => /^contour_configuration_last_reload_successful (.*)$/m.exec((await serving.page("/metrics")).text)?.[1] ?? "";
    try {
      await waitFor(() => serving.held.has("lds ingress_http"), { what: "the first listener" });
      assert.equal(await metric(), "1");
      await write("compression:\n  algorithm: zstd\n");
      await waitFor(() => serving.held.get("lds ingress_http")?.includes("zstd") === true, { what: `the compressor of the new file\n${serving.process.logTail()}` });
      await write("compression:\n  algoritm: brotli\n");
      await waitFor(() => /contour\.yaml:2:3: there is no key .*algoritm/.test(serving.process.logTail()), { what: "the place of the mistake" });
      await waitFor(async () => (await metric()) === "0", { what: "the metric tells" });
      assert.equal((await serving.page("/readyz")).status, 200, "the last good one is served");
      await write("compression:\n  algorithm: brotli\nenvoy-service-name: theirs\n");
      await waitFor(() => serving.held.get("lds ingress_http")?.includes("brotli") === true, { what: "the compressor of the mended file" });
      assert.equal(await metric(), "1");
    } finally {
      await serving.stop();
    }
  });
});

interface ConfigurationStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly observedGeneration: number; readonly message: string; readonly errors?: readonly { readonly message: string }[]; readonly warnings?: readonly { readonly reason: string; readonly message: string }[] }[];
}

describe("contour serve --contour-config-name", { timeout: 120_000 }, () => {
  let api: ApiServer;
  let serving: Serving;
  const configuration = (spec: object): TestObject => ({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec }) as TestObject;
  const valid = (what: string, fits: (condition: NonNullable<ConfigurationStatus["conditions"]>[number]) => boolean) => untilStatus<ConfigurationStatus>(api, configuration({}), what, ({ conditions }) => conditions?.some((condition) => condition.type === "Valid" && fits(condition)) === true);
  const listenerHas = (text: string): Promise<unknown> => waitFor(() => serving.held.get("lds ingress_http")?.includes(text) === true, { what: `a listener with ${text}\n${serving.process.logTail()}` });

  before(async () => {
    api = await startApiServer();
    await api.apply([...contourCrds(), { apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } } as TestObject, service, slice, shop]);
  });
  after(async () => {
    await serving?.stop();
    await api?.stop();
  });

  it("waits for one that does not exist yet: alive, and not ready", async () => {
    const waiting = await startController(api, "--disable-leader-election", "--contour-config-name", "contour");
    try {
      await waitFor(async () => (await page(waiting.httpPort, "/healthz")).status === 200, { what: "it is alive" });
      assert.equal((await page(waiting.httpPort, "/readyz")).status, 503);
      await waitFor(() => waiting.process.logTail().includes("ContourConfiguration projectcontour/contour does not exist; create it"), { what: "it says what it waits for" });
      await api.apply([configuration({ envoy: { listener: { compression: { algorithm: "zstd" } } } })]);
      await waitFor(async () => (await page(waiting.httpPort, "/readyz")).status === 200, { what: "it is ready" });
    } finally {
      await waiting.process.stop();
    }
    serving = await startServing(api, "--disable-leader-election", "--contour-config-name", "contour");
    await listenerHas("zstd");
    await valid("it is valid", ({ status, observedGeneration }) => status === "True" && observedGeneration === 1);
  });

  it("serves what changes, and says so in its status", async () => {
    await api.apply([configuration({ envoy: { listener: { compression: { algorithm: "brotli" }, maxConnectionsPerListener: 7 } }, policy: { requestHeaders: { set: { "x-edge": "one" } } } })]);
    await listenerHas("brotli");
    await waitFor(() => serving.held.get(`srds ${scopeResourceName("ingress_http|shop.example.com")}`)?.includes("x-edge") === true, { what: "the header in the routes" });
    await valid("it is valid", ({ status, observedGeneration }) => status === "True" && observedGeneration === 2);
  });

  it("keeps what was good when it is not valid, and names the field", async () => {
    await api.apply([configuration({ envoy: { timeouts: { requestTimeout: "soon" }, listener: { compression: { algorithm: "gzip" } } } })]);
    const { conditions } = await valid("it is not valid", ({ status, observedGeneration }) => status === "False" && observedGeneration === 3);
    assert.match(conditions?.[0]?.message ?? "", /^spec\.envoy\.timeouts\.requestTimeout: /);
    await listenerHas("brotli");
    const { metadata } = await api.get<{ readonly metadata: { readonly uid: string } }>(await api.pathOf(configuration({})));
    interface Told {
      readonly items: readonly { readonly regarding: { readonly uid?: string }; readonly note: string }[];
    }
    await waitFor(async () => (await api.get<Told>("/apis/events.k8s.io/v1/namespaces/projectcontour/events")).items.some(({ regarding, note }) => regarding.uid === metadata.uid && note.startsWith("spec.envoy.timeouts.requestTimeout")), { what: "an event for kubectl describe" });
  });

  it("names what counts only after a restart", async () => {
    await api.apply([configuration({ xdsServer: { port: 9999 }, envoy: { listener: { compression: { algorithm: "gzip" } } } })]);
    await listenerHas("gzip");
    const { conditions } = await valid("it is valid", ({ status, warnings }) => status === "True" && (warnings ?? []).length === 1);
    assert.deepEqual(conditions?.[0]?.warnings?.map(({ reason, message }) => [reason, message.split(":")[0]]), [["RestartNeeded", "spec.xdsServer.port"]]);
  });

  it("serves Envoys where it says, from the start", async () => {
    const port = await freePort();
    await api.apply([configuration({ xdsServer: { port }, envoy: { listener: { compression: { algorithm: "gzip" } } } })]);
    const other = await startController(api, "--disable-leader-election", "--contour-config-name", "contour");
    const client = await connectXds(`127.0.0.1:${port}`, 30_000).finally(() => other.process.stop());
    client.close();
  });

  it("keeps what was good when it is deleted, and goes on with the next one", async () => {
    await api.remove(configuration({}));
    await waitFor(() => serving.process.logTail().includes("there is no configuration; the last good one stays in force"), { what: "it is told" });
    await listenerHas("gzip");
    await api.apply([configuration({ envoy: { listener: { compression: { algorithm: "zstd" } } } })]);
    await listenerHas("zstd");
  });

  it("writes no status that says the same already", async () => {
    await valid("it is valid", ({ status }) => status === "True");
    const version = async (): Promise<string | undefined> => (await api.get<{ metadata: { resourceVersion?: string } }>(await api.pathOf(configuration({})))).metadata.resourceVersion;
    const before = await version();
    await api.apply([{ ...configuration({ envoy: { listener: { compression: { algorithm: "zstd" } } } }), metadata: { name: "contour", namespace: "projectcontour", labels: { touched: "yes" } } } as TestObject, { ...shop, metadata: { ...shop.metadata, labels: { touched: "yes" } } } as TestObject]);
    const touched = await version();
    assert.notEqual(touched, before, "the label was written");
    const other: TestObject = { ...shop, metadata: { name: "mark", namespace: "default" }, spec: { virtualhost: { fqdn: "mark.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] } } as TestObject;
    await api.apply([other]);
    await untilStatus<ProxyStatus>(api, other, "mark is valid", ({ currentStatus }) => currentStatus === "valid");
    assert.equal(await version(), touched);
  });
});
