import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { scopeResourceName } from "#envoy/names";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { contourCrds, gatewayCrds, objectsOf, startController, page, startServing, statusOf, untilStatus } from "./serving.ts";
import type { Serving } from "./serving.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}
interface ProxyStatus {
  readonly currentStatus: string;
  readonly description: string;
  readonly conditions: readonly Condition[];
  readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] };
}

const [service, slice, other, otherSlice] = objectsOf(`
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
apiVersion: v1
kind: Service
metadata: { name: other, namespace: default }
spec: { ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: other-1, namespace: default, labels: { kubernetes.io/service-name: other } }
addressType: IPv4
ports: [{ name: "", port: 8080, protocol: TCP }]
endpoints: [{ addresses: [10.1.2.4], conditions: { ready: true } }]
`) as [TestObject, TestObject, TestObject, TestObject];

const proxy = (name: string, spec: object): TestObject => ({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default" }, spec });
const shop = proxy("shop", { virtualhost: { fqdn: "shop.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] });
const ingress = (host: string): TestObject => ({ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "wiki", namespace: "default" }, spec: { rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }] } }] } });
const lease = ["--leader-election-lease-duration", "3s", "--leader-election-renew-deadline", "2s", "--leader-election-retry-period", "300ms"];

describe("contour serve and a real API server", { timeout: 240_000 }, () => {
  let api: ApiServer;
  let serving: Serving;
  before(async () => {
    api = await startApiServer();
    await api.apply([...contourCrds(), ...["projectcontour", "team"].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })), service, slice, other, otherSlice, shop]);
    serving = await startServing(api, ...lease);
  });
  after(async () => {
    await serving?.stop();
    await api?.stop();
  });

  const holds = (what: string, fits: (held: ReadonlyMap<string, string>) => boolean): Promise<boolean> =>
    waitFor(() => fits(serving.held) || Promise.reject(new Error([...serving.held.keys()].join(", "))), { what, intervalMs: 5 });

  it("opens the xDS port with the complete configuration, and says that it is ready", async () => {
    await holds("the host", (held) => held.has(`srds ${scopeResourceName("ingress_http|shop.example.com")}`) && [...held.keys()].some((key) => key.startsWith("eds ")));
    assert.equal(serving.firstClusters(), 1);
    assert.deepEqual(await serving.page("/readyz"), { status: 200, text: "ok\n" });
    assert.equal((await serving.page("/healthz")).status, 200);
  });

  it("writes the status of an HTTPProxy, valid or not", async () => {
    const valid = await untilStatus<ProxyStatus>(api, shop, "shop is valid", (status) => status.currentStatus === "valid");
    assert.deepEqual([valid.conditions[0]?.type, valid.conditions[0]?.status, valid.conditions[0]?.observedGeneration], ["Valid", "True", 1]);
    const broken = proxy("broken", { virtualhost: { fqdn: "broken.example.com" }, routes: [{ services: [{ name: "gone", port: 80 }] }] });
    await api.apply([broken]);
    const invalid = await untilStatus<ProxyStatus>(api, broken, "broken is invalid", (status) => status.currentStatus === "invalid");
    assert.equal(invalid.conditions[0]?.status, "False");
    await api.apply([proxy("broken", { virtualhost: { fqdn: "broken.example.com" }, routes: [{ services: [{ name: "other", port: 80 }] }] })]);
    const mended = await untilStatus<ProxyStatus>(api, broken, "broken is valid", (status) => status.currentStatus === "valid");
    assert.equal(mended.conditions[0]?.observedGeneration, 2);
  });

  it("serves ExtensionServices and writes their status", async () => {
    const guard: TestObject = { apiVersion: "projectcontour.io/v1alpha1", kind: "ExtensionService", metadata: { name: "guard", namespace: "default" }, spec: { protocol: "h2c", services: [{ name: "web", port: 80 }] } };
    await api.apply([guard]);
    const valid = await untilStatus<ProxyStatus>(api, guard, "guard is valid", (status) => status.conditions?.[0]?.status === "True");
    assert.deepEqual([valid.conditions[0]?.type, valid.conditions[0]?.observedGeneration], ["Valid", 1]);
    await holds("its cluster and addresses", (held) => held.has("cds extension/default/guard") && (held.get("eds extension|default/guard")?.includes("10.1.2.3") ?? false));
    await api.apply([{ ...guard, spec: { services: [{ name: "gone", port: 80 }] } }]);
    await untilStatus<ProxyStatus>(api, guard, "guard is invalid", (status) => status.conditions?.[0]?.status === "False");
  });

  it("reads a ContourConfiguration at the start", async () => {
    await api.apply([{ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec: { httpproxy: { rootNamespaces: ["team"] } } } as TestObject, { ...service, metadata: { name: "web", namespace: "team" } }, { ...proxy("own", { virtualhost: { fqdn: "own.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] }), metadata: { name: "own", namespace: "team" } }]);
    const configured = await startServing(api, "--contour-config-name", "contour", "--leader-election-resource-name", "configured");
    try {
      await waitFor(() => configured.held.has(`srds ${scopeResourceName("ingress_http|own.example.com")}`), { what: `the host of the root namespace\n${configured.process.logTail()}` });
      assert.equal(configured.held.has(`srds ${scopeResourceName("ingress_http|shop.example.com")}`), false);
    } finally {
      await configured.stop();
    }
  });

  it("follows a changed EndpointSlice", async () => {
    await api.apply([{ ...slice, endpoints: [{ addresses: ["10.9.9.9"], conditions: { ready: true } }] } as TestObject]);
    await holds("the new address", (held) => [...held].some(([key, bytes]) => key.startsWith("eds default/web") && bytes.includes("10.9.9.9")));
  });

  it("never writes a status that says the same already", async () => {
    const version = async (): Promise<string | undefined> => (await api.get<{ metadata: { resourceVersion?: string } }>(await api.pathOf(shop))).metadata.resourceVersion;
    const before = await version();
    const mark = proxy("mark", { virtualhost: { fqdn: "mark.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] });
    await api.apply([{ ...service, metadata: { ...service.metadata, labels: { touched: "yes" } } } as TestObject, mark]);
    await untilStatus<ProxyStatus>(api, mark, "mark is valid", (status) => status.currentStatus === "valid");
    assert.equal(await version(), before);
  });

  it("tells the addresses of Envoy's Service in statuses, and takes them back", async () => {
    const envoy: TestObject = { apiVersion: "v1", kind: "Service", metadata: { name: "envoy", namespace: "projectcontour" }, spec: { type: "LoadBalancer", ports: [{ port: 80 }] } };
    await api.apply([envoy, ingress("wiki.example.com")]);
    const setAddresses = async (addresses: readonly object[]): Promise<void> => void (await api.request("PATCH", `${await api.pathOf(envoy)}/status`, { status: { loadBalancer: { ingress: addresses } } }, "application/merge-patch+json"));
    await setAddresses([{ ip: "203.0.113.9" }]);
    const told = (status: ProxyStatus): boolean => status.loadBalancer?.ingress?.[0]?.ip === "203.0.113.9";
    await untilStatus<ProxyStatus>(api, ingress("wiki.example.com"), "the Ingress tells the address", told);
    await untilStatus<ProxyStatus>(api, shop, "the HTTPProxy tells the address", told);
    await setAddresses([]);
    await untilStatus<ProxyStatus>(api, ingress("wiki.example.com"), "the Ingress tells none", (status) => (status.loadBalancer?.ingress ?? []).length === 0);
  });

  it("runs without the Gateway API, picks it up when its CRDs appear, and lets it go again", async () => {
    const definitions = gatewayCrds();
    await api.apply(definitions);
    const gateway: readonly TestObject[] = [
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } },
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "public", namespace: "default" }, spec: { gatewayClassName: "contour", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] } },
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata: { name: "api", namespace: "default" }, spec: { parentRefs: [{ name: "public" }], hostnames: ["api.example.com"], rules: [{ backendRefs: [{ name: "web", port: 80 }] }] } },
    ];
    await api.apply(gateway);
    await holds("the route", (held) => held.has(`srds ${scopeResourceName("http-80|api.example.com")}`));
    const [, publicGateway, route] = gateway as [TestObject, TestObject, TestObject];
    const parents = await untilStatus<{ readonly parents: readonly { readonly controllerName: string; readonly conditions: readonly Condition[] }[] }>(api, route, "the route has a status", (status) => status.parents.length === 1);
    assert.deepEqual(parents.parents[0]?.conditions.map(({ type, status, observedGeneration }) => [type, status, observedGeneration]).toSorted(), [["Accepted", "True", 1], ["ResolvedRefs", "True", 1]]);
    const listeners = await untilStatus<{ readonly listeners: readonly { readonly attachedRoutes: number }[] }>(api, publicGateway, "a route is attached", (status) => status.listeners?.[0]?.attachedRoutes === 1);
    assert.equal(listeners.listeners.length, 1);
    await api.apply([{ ...route, spec: { ...(route["spec"] as object), parentRefs: [{ name: "elsewhere" }] } }]);
    await untilStatus<{ readonly parents: readonly object[] }>(api, route, "the status of a route that left", (status) => status.parents.length === 0);
    for (const definition of definitions) await api.remove(definition);
    await holds("the route is gone", (held) => !held.has(`srds ${scopeResourceName("http-80|api.example.com")}`));
    assert.ok(serving.held.has(`srds ${scopeResourceName("ingress_http|shop.example.com")}`));
  });

  it("an object that its schema refuses leaves its last good version in force", async () => {
    const [definition] = contourCrds((file) => file.includes("httpproxies"));
    const loose = structuredClone(definition) as unknown as { spec: { versions: { schema: { openAPIV3Schema: object } }[] } };
    (loose.spec.versions[0] as { schema: { openAPIV3Schema: object } }).schema.openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    await api.apply([loose as unknown as TestObject]);
    await waitFor(async () => (await api.request("PATCH", await api.pathOf(shop), { spec: { routes: "none" } }, "application/merge-patch+json")).status === 200, { what: "the loose CRD is in force" });
    const mark = proxy("mark2", { virtualhost: { fqdn: "mark2.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] });
    await api.apply([mark]);
    await holds("a later object", (held) => held.has(`srds ${scopeResourceName("ingress_http|mark2.example.com")}`));
    assert.ok(serving.held.has(`srds ${scopeResourceName("ingress_http|shop.example.com")}`));
    await api.request("PATCH", await api.pathOf(shop), { spec: shop["spec"] }, "application/merge-patch+json");
    await api.apply([definition as TestObject]);
  });

  it("serves on while the API server is away, and catches up when it is back", async () => {
    const before = serving.held.size;
    await api.takeDown();
    await waitFor(async () => (await serving.page("/healthz")).text.includes("does not answer"), { what: "health says that the API server is away" });
    assert.equal((await serving.page("/healthz")).status, 200, "a restart would not help");
    assert.equal(serving.held.size, before);
    assert.equal(serving.client.failure(), undefined);
    await api.bringUp();
    const late = proxy("late", { virtualhost: { fqdn: "late.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] });
    await api.apply([late]);
    await holds("the late host", (held) => held.has(`srds ${scopeResourceName("ingress_http|late.example.com")}`));
    await untilStatus<ProxyStatus>(api, late, "late is valid", (status) => status.currentStatus === "valid");
    await api.remove(late);
    await holds("the late host is gone", (held) => !held.has(`srds ${scopeResourceName("ingress_http|late.example.com")}`));
  });

  it("one of two replicas writes statuses; when it ends the other one does", async () => {
    const second = await startServing(api, ...lease);
    try {
      const holder = async (): Promise<string> => (await api.get<{ spec: { holderIdentity: string } }>("/apis/coordination.k8s.io/v1/namespaces/projectcontour/leases/leader-elect")).spec.holderIdentity;
      const first = await holder();
      const third = proxy("third", { virtualhost: { fqdn: "third.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] });
      await api.apply([third]);
      await untilStatus<ProxyStatus>(api, third, "third is valid", (status) => status.currentStatus === "valid");
      assert.doesNotMatch((await second.page("/metrics")).text, /^contour_status_update_success_total\{.*\} [1-9]/m);
      assert.match((await serving.page("/metrics")).text, /^contour_status_update_success_total\{kind="HTTPProxy"\} [1-9]/m);
      assert.equal(await holder(), first);
      await serving.stop();
      await waitFor(async () => ![first, ""].includes(await holder()), { what: "the Lease has another holder" });
      await api.apply([proxy("third", { virtualhost: { fqdn: "third.example.com" }, routes: [{ services: [{ name: "gone", port: 80 }] }] })]);
      await untilStatus<ProxyStatus>(api, third, "third is invalid", (status) => status.currentStatus === "invalid");
    } finally {
      serving = second;
    }
  });

  it("a kind that RBAC forbids does not keep the others from being served", async () => {
    const user = await api.addUser("narrow");
    const rules = [{ apiGroups: ["projectcontour.io"], resources: ["httpproxies"], verbs: ["get", "list", "watch"] }, { apiGroups: [""], resources: ["services"], verbs: ["list", "watch"] }, { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] }];
    await api.apply([
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "narrow" }, rules },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", metadata: { name: "narrow" }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "narrow" }, subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "narrow" }] },
    ]);
    const narrow = await startServing({ kubeconfigPath: user.kubeconfigPath, folder: api.folder }, "--disable-leader-election");
    try {
      await waitFor(() => narrow.held.has(`srds ${scopeResourceName("ingress_http|mark.example.com")}`), { what: "the HTTPProxies are served" });
      assert.match(narrow.process.logTail(), /RBAC does not allow/);
    } finally {
      await narrow.stop();
      user.client.close();
    }
  });

  it("is not ready, and serves no xDS, before it knows everything", async () => {
    api.pause();
    const { process, httpPort, xdsPort } = await startController(api);
    try {
      await waitFor(async () => (await page(httpPort, "/readyz")).status === 503, { what: "it is not ready" });
      assert.equal((await page(xdsPort, "/")).status, 0);
    } finally {
      api.resume();
      await waitFor(async () => (await page(httpPort, "/readyz")).status === 200, { what: "it is ready" }).finally(() => process.stop());
    }
    assert.equal(await statusOf(api, service).then((status) => status !== undefined), true);
  });
});
