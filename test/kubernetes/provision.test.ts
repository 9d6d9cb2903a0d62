import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { credentials } from "@grpc/grpc-js";
import { scopeResourceName } from "#envoy/names";
import { connectXds } from "../../bench/xds-client.ts";
import type { XdsClient } from "../../bench/xds-client.ts";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { freePorts } from "../bed/free-port.ts";
import { createAuthority } from "../bed/pki.ts";
import { startProcess } from "../bed/process.ts";
import type { RunningProcess } from "../bed/process.ts";
import { waitFor } from "../bed/wait.ts";
import { contourCrds, gatewayCrds, objectsOf, page, startController, untilStatus } from "./serving.ts";

interface Made {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>>; readonly resourceVersion: string; readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[] };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

interface GatewayStatus {
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  readonly addresses?: readonly { readonly value: string }[];
}

const objects = objectsOf(`
apiVersion: v1
kind: Namespace
metadata: { name: projectcontour }
---
apiVersion: v1
kind: Namespace
metadata: { name: team }
---
apiVersion: projectcontour.io/v1alpha1
kind: ContourDeployment
metadata: { name: small, namespace: projectcontour }
spec:
  envoy:
    workloadType: Deployment
    replicas: 3
    logLevel: warn
    resources: { requests: { cpu: 50m } }
    podAnnotations: { team: edge }
    nodePlacement: { nodeSelector: { role: edge }, tolerations: [{ key: edge, operator: Exists }] }
    networkPublishing: { type: NodePortService, externalTrafficPolicy: Cluster }
    overloadMaxHeapSize: 1000000000
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: contour }
spec: { controllerName: projectcontour.io/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: small }
spec: { controllerName: projectcontour.io/gateway-controller, parametersRef: { group: projectcontour.io, kind: ContourDeployment, name: small, namespace: projectcontour } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: other }
spec: { controllerName: example.com/another }
`);

const gateway = (name: string, spec: object): TestObject => ({ apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name, namespace: "team" }, spec });
const http = { name: "http", port: 80, protocol: "HTTP" };
const [edge, inner] = [
  gateway("edge", { gatewayClassName: "contour", listeners: [http, { name: "dns", port: 53, protocol: "UDP" }], infrastructure: { labels: { cost: "shop" }, annotations: { "example.com/owner": "shop" } } }),
  gateway("inner", { gatewayClassName: "small", listeners: [http] }),
];

describe("Envoys that are made for Gateways, with a real API server", { timeout: 180_000 }, () => {
  let api: ApiServer;
  let controller: RunningProcess;
  let xdsPort = 0;
  const clients: XdsClient[] = [];
  before(async () => {
    api = await startApiServer();
    await api.apply([...contourCrds(), ...gatewayCrds()]);
    await api.apply(objects);
    ({ process: controller, xdsPort } = await startController(api, "--disable-leader-election", "--provision-gateways", "--provisioned-envoy-image", "example/envoy:1", "--provisioned-contour-image", "example/contour:1", "--xds-service-host", "contour.projectcontour"));
    await api.apply([edge, inner].filter((object) => object !== undefined));
  });
  after(async () => {
    for (const client of clients) client.close();
    await controller?.stop();
    await api?.stop();
  });

  const path = (kind: string, name: string): string => `${kind === "deployments" || kind === "daemonsets" ? "/apis/apps/v1" : "/api/v1"}/namespaces/team/${kind}/${name}`;
  const made = async (kind: string, name: string, what = `${kind} ${name}`, fits: (object: Made) => boolean = () => true): Promise<Made> =>
    waitFor(async () => {
      const found = await api.get<Made>(path(kind, name));
      return fits(found) ? found : Promise.reject(new Error(JSON.stringify(found)));
    }, { what, timeoutMs: 20_000 });
  const gone = async (kind: string, name: string): Promise<void> => void (await waitFor(async () => (await api.request("GET", path(kind, name))).status === 404, { what: `${kind} ${name} is gone`, timeoutMs: 20_000 }));
  const change = async (kind: string, name: string, patch: object): Promise<void> => void (await api.request("PATCH", path(kind, name), patch, "application/merge-patch+json"));

  it("makes all objects, owned by the Gateway, with the labels and annotations of its infrastructure", async () => {
    const { metadata } = await api.get<{ readonly metadata: { readonly uid: string } }>("/apis/gateway.networking.k8s.io/v1/namespaces/team/gateways/edge");
    for (const kind of ["serviceaccounts", "configmaps", "daemonsets", "services"]) {
      const object = await made(kind, "envoy-edge");
      assert.deepEqual(object.metadata.ownerReferences?.map(({ kind: owner, name, uid }) => `${owner} ${name} ${uid}`), [`Gateway edge ${metadata.uid}`]);
      assert.equal(object.metadata.labels?.["cost"], "shop");
      assert.equal(object.metadata.labels?.["gateway.networking.k8s.io/gateway-name"], "edge");
      assert.equal(object.metadata.annotations?.["example.com/owner"], "shop");
    }
    const { spec } = await made("services", "envoy-edge");
    assert.equal(spec?.["type"], "LoadBalancer");
    assert.deepEqual(((spec?.["ports"] ?? []) as { port: number; targetPort: number; protocol: string }[]).map((port) => `${port.port}->${port.targetPort} ${port.protocol}`), ["53->8053 UDP", "80->8080 TCP"]);
  });

  it("follows the parameters of the class", async () => {
    const { spec } = await made("deployments", "envoy-inner");
    const template = spec?.["template"] as { metadata: Made["metadata"]; spec: { nodeSelector: object; tolerations: object[]; containers: { name: string; args: string[]; resources: object; image: string }[] } };
    assert.equal(spec?.["replicas"], 3);
    assert.equal(template.metadata.annotations?.["team"], "edge");
    assert.deepEqual(template.spec.nodeSelector, { "kubernetes.io/os": "linux", role: "edge" });
    assert.deepEqual(template.spec.tolerations, [{ key: "edge", operator: "Exists" }]);
    assert.deepEqual(template.spec.containers[0]?.resources, { requests: { cpu: "50m" } });
    assert.ok(template.spec.containers[0]?.args.includes("warn"));
    assert.deepEqual(template.spec.containers.map(({ name, image }) => `${name} ${image}`), ["envoy example/envoy:1", "shutdown-manager example/contour:1"]);
    const service = await made("services", "envoy-inner");
    assert.deepEqual([service.spec?.["type"], service.spec?.["externalTrafficPolicy"]], ["NodePort", "Cluster"]);
    assert.ok((await made("configmaps", "envoy-inner")).data?.["envoy.json"]?.includes("fixed_heap"));
  });

  it("changes the kind of workload when the parameters do", async () => {
    await api.request("PATCH", "/apis/projectcontour.io/v1alpha1/namespaces/projectcontour/contourdeployments/small", { spec: { envoy: { workloadType: "DaemonSet" } } }, "application/merge-patch+json");
    await made("daemonsets", "envoy-inner");
    await gone("deployments", "envoy-inner");
  });

  it("corrects what others change, and makes again what they delete", async () => {
    await change("services", "envoy-edge", { spec: { selector: { "projectcontour.io/owning-gateway-name": "elsewhere" } } });
    await made("services", "envoy-edge", "the selector is ours again", ({ spec }) => ((spec?.["selector"] ?? {}) as Record<string, string>)["projectcontour.io/owning-gateway-name"] === "edge");
    await change("daemonsets", "envoy-edge", { spec: { template: { spec: { serviceAccountName: "root" } } } });
    await made("daemonsets", "envoy-edge", "the account is ours again", ({ spec }) => (spec?.["template"] as { spec: { serviceAccountName: string } } | undefined)?.spec.serviceAccountName === "envoy-edge");
    await api.request("DELETE", path("configmaps", "envoy-edge"));
    await made("configmaps", "envoy-edge");
  });

  it("writes nothing while nothing changes", async () => {
    const versions = async (): Promise<readonly string[]> => Promise.all((["configmaps", "daemonsets", "services", "serviceaccounts"] as const).map(async (kind) => (await made(kind, "envoy-edge")).metadata.resourceVersion));
    const before = await versions();
    // Each change of another Gateway would be an occasion.
    await api.request("PATCH", "/apis/gateway.networking.k8s.io/v1/namespaces/team/gateways/inner", { spec: { infrastructure: { labels: { round: "2" } } } }, "application/merge-patch+json");
    await made("services", "envoy-inner", "the label", ({ metadata }) => metadata.labels?.["round"] === "2");
    assert.deepEqual(await versions(), before);
  });

  const connect = async (gatewayName: string): Promise<{ readonly client: XdsClient; readonly held: ReadonlySet<string> }> => {
    const { data } = await made("secrets", `envoycert-${gatewayName}`);
    const pem = (key: string): Buffer => Buffer.from(data?.[key] ?? "", "base64");
    const client = await connectXds(`127.0.0.1:${xdsPort}`, 20_000, credentials.createSsl(pem("ca.crt"), pem("tls.key"), pem("tls.crt")));
    clients.push(client);
    const held = new Set<string>();
    client.onChanges((changes) => {
      for (const { type, name, body } of changes) {
        if (body === undefined) held.delete(`${type} ${name}`);
        else held.add(`${type} ${name}`);
      }
    });
    return { client, held };
  };

  it("gives the Envoys of a Gateway, known by their certificate, what is theirs and nothing else", async () => {
    await api.apply(objectsOf(`
apiVersion: v1
kind: Service
metadata: { name: web, namespace: team }
spec: { ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: vault, namespace: team }
spec: { ports: [{ port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: team }
spec: { parentRefs: [{ name: edge }], hostnames: [shop.example.com], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: vault, namespace: team }
spec: { parentRefs: [{ name: inner }], hostnames: [vault.example.com], rules: [{ backendRefs: [{ name: vault, port: 80 }] }] }
`));
    const [ofEdge, ofInner] = [await connect("edge"), await connect("inner")];
    const names = (held: ReadonlySet<string>): readonly string[] => [...held].filter((name) => name !== "lds stats" && name !== "lds envoy-admin").map((name) => name.replace(/\/[0-9a-f]{10}$/, "")).toSorted();
    const expected = (host: string, service: string, more: readonly string[]): readonly string[] => [`cds team/${service}/80`, `eds team/${service}`, "lds http-80", ...more, "srds http-80|*", `srds ${scopeResourceName(`http-80|${host}`)}`].toSorted();
    await waitFor(() => names(ofEdge.held).length >= 6, { what: "the route of edge" }).catch(() => undefined);
    await waitFor(() => names(ofInner.held).length >= 5, { what: "the route of inner" }).catch(() => undefined);
    assert.deepEqual(names(ofEdge.held), expected("shop.example.com", "web", ["lds udp-53"]));
    assert.deepEqual(names(ofInner.held), expected("vault.example.com", "vault", []));
  });

  it("says that a Gateway is programmed when its Service has an address and its Envoys took the listeners", async () => {
    const condition = (status: GatewayStatus, type: string): string => status.conditions.filter((one) => one.type === type).map((one) => `${one.status} ${one.reason}`).join();
    assert.ok(edge);
    await untilStatus<GatewayStatus>(api, edge, "no address yet", (status) => condition(status, "Programmed") === "False AddressNotAssigned");
    await api.request("PATCH", `${path("services", "envoy-edge")}/status`, { status: { loadBalancer: { ingress: [{ ip: "192.0.2.7" }] } } }, "application/merge-patch+json");
    const status = await untilStatus<GatewayStatus>(api, edge, "programmed", (found) => condition(found, "Programmed") === "True Programmed");
    assert.deepEqual(status.addresses?.map(({ value }) => value), ["192.0.2.7"]);
  });

  it("keeps the certificate of a fleet while it serves, and replaces one that was tampered with", async () => {
    const secret = (await made("secrets", "envoycert-edge")).data?.["tls.crt"];
    await change("daemonsets", "envoy-edge", { metadata: { labels: { cost: "changed" } } });
    await made("secrets", "envoycert-edge", "unchanged", ({ data }) => data?.["tls.crt"] === secret);
    await change("secrets", "envoycert-edge", { data: { "tls.crt": Buffer.from("nonsense").toString("base64") } });
    await made("secrets", "envoycert-edge", "a new certificate", ({ data }) => data?.["tls.crt"] !== secret && Buffer.from(data?.["tls.crt"] ?? "", "base64").toString().includes("BEGIN CERTIFICATE"));
  });

  it("leaves the Envoys alone when the parameters or the class of a Gateway vanish, and takes them away when it is another controller's", async () => {
    await api.request("DELETE", "/apis/projectcontour.io/v1alpha1/namespaces/projectcontour/contourdeployments/small");
    await untilStatus<GatewayStatus>(api, { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "small" } }, "the class is invalid", ({ conditions }) => conditions.some(({ reason }) => reason === "InvalidParameters"));
    await made("daemonsets", "envoy-inner");
    await api.request("PATCH", "/apis/gateway.networking.k8s.io/v1/namespaces/team/gateways/inner", { spec: { gatewayClassName: "other" } }, "application/merge-patch+json");
    for (const kind of ["daemonsets", "services", "configmaps", "serviceaccounts"]) await gone(kind, "envoy-inner");
    await gone("secrets", "envoycert-inner");
    await made("daemonsets", "envoy-edge");
  });
});

describe("Gateways that share the Envoys of their class", { timeout: 90_000 }, () => {
  it("have one fleet beside the controller, until the class does not want that any more", async () => {
    const api = await startApiServer();
    let controller: RunningProcess | undefined;
    const at = (namespace: string, kind: string, name: string): string => `${kind === "daemonsets" ? "/apis/apps/v1" : "/api/v1"}/namespaces/${namespace}/${kind}/${name}`;
    const found = async (namespace: string, kind: string, name: string): Promise<Made> => waitFor(async () => api.get<Made>(at(namespace, kind, name)), { what: `${kind} ${namespace}/${name}`, timeoutMs: 20_000 });
    try {
      await api.apply([...contourCrds(), ...gatewayCrds()]);
      await api.apply(objects);
      await api.request("PATCH", "/apis/projectcontour.io/v1alpha1/namespaces/projectcontour/contourdeployments/small", { spec: { mergeGateways: true, envoy: { workloadType: "DaemonSet" } } }, "application/merge-patch+json");
      const other = { ...gateway("outer", { gatewayClassName: "small", listeners: [{ ...http, port: 81 }] }), metadata: { name: "outer", namespace: "default" } };
      assert.ok(inner);
      await api.apply([inner, other]);
      ({ process: controller } = await startController(api, "--disable-leader-election", "--provision-gateways"));
      const shared = await found("projectcontour", "daemonsets", "envoy-class-small");
      assert.deepEqual(shared.metadata.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`), ["GatewayClass small"]);
      const { spec } = await found("projectcontour", "services", "envoy-class-small");
      assert.deepEqual(((spec?.["ports"] ?? []) as { port: number }[]).map(({ port }) => port), [80, 81]);
      assert.equal((await api.request("GET", at("team", "daemonsets", "envoy-inner"))).status, 404);
      await api.request("PATCH", "/apis/projectcontour.io/v1alpha1/namespaces/projectcontour/contourdeployments/small", { spec: { mergeGateways: false } }, "application/merge-patch+json");
      await found("team", "daemonsets", "envoy-inner");
      await found("default", "daemonsets", "envoy-outer");
      await waitFor(async () => (await api.request("GET", at("projectcontour", "daemonsets", "envoy-class-small"))).status === 404, { what: "the shared Envoys are gone", timeoutMs: 20_000 });
    } finally {
      await controller?.stop();
      await api.stop();
    }
  });
});

describe("Envoys with certificates of the operator, beside those that are made for Gateways", { timeout: 60_000 }, () => {
  it("are served by one controller, each with what is theirs", async () => {
    const api = await startApiServer();
    const [xdsPort = 0, httpPort = 0, debugPort = 0] = await freePorts(3);
    const authority = await createAuthority("operator");
    const [server, envoy] = [await authority.issue({ subject: "CN=contour", use: "server", dnsNames: ["contour"] }), await authority.issue({ subject: "CN=envoy", use: "client", dnsNames: ["envoy"] })];
    const files = { ca: join(api.folder, "xds-ca.crt"), cert: join(api.folder, "xds-tls.crt"), key: join(api.folder, "xds-tls.key") };
    await Promise.all([writeFile(files.ca, authority.certificate), writeFile(files.cert, server.certificate), writeFile(files.key, server.key)]);
    const args = ["serve", "--kubeconfig", api.kubeconfigPath, "--provision-gateways", "--disable-leader-election", "--contour-cafile", files.ca, "--contour-cert-file", files.cert, "--contour-key-file", files.key, "--xds-port", String(xdsPort), "--http-address", "127.0.0.1", "--http-port", String(httpPort), "--health-address", "127.0.0.1", "--health-port", String(httpPort), "--debug-http-port", String(debugPort)];
    await api.apply([...contourCrds(), ...gatewayCrds()]);
    await api.apply([...objects, ...[edge].filter((object) => object !== undefined)]);
    await api.apply(objectsOf(`
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: plain, namespace: team }
spec: { virtualhost: { fqdn: plain.example.com }, routes: [{ conditions: [{ prefix: / }], directResponsePolicy: { statusCode: 204 } }] }
`));
    const process = startProcess({ name: "contour", command: fileURLToPath(new URL("../../bin/contour", import.meta.url)), args, logPath: join(api.folder, "beside.log") });
    const clients: XdsClient[] = [];
    const listeners = async (ca: string, { certificate, key }: { readonly certificate: string; readonly key: string }): Promise<ReadonlySet<string>> => {
      const client = await connectXds(`127.0.0.1:${xdsPort}`, 30_000, credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(certificate)));
      clients.push(client);
      const held = new Set<string>();
      client.onChanges((changes) => changes.forEach(({ type, name }) => held.add(`${type} ${name}`)));
      return held;
    };
    try {
      const { data } = await waitFor(async () => api.get<Made>("/api/v1/namespaces/team/secrets/envoycert-edge"), { what: "the certificate of edge", timeoutMs: 20_000 }).catch((error: unknown) => Promise.reject(new Error(`${String(error)}\n${process.logTail()}`)));
      const pem = (key: string): string => Buffer.from(data?.[key] ?? "", "base64").toString("utf8");
      const [common, own] = [await listeners(authority.certificate, envoy), await listeners(pem("ca.crt"), { certificate: pem("tls.crt"), key: pem("tls.key") })];
      await waitFor(() => common.has("lds ingress_http") && own.has("lds http-80"), { what: "the listeners" });
      assert.deepEqual([common.has("lds http-80"), own.has("lds ingress_http")], [false, false]);
    } finally {
      for (const client of clients) client.close();
      await process.stop();
      await api.stop();
    }
  });
});

describe("contour gateway-provisioner", { timeout: 60_000 }, () => {
  it("serves Gateways and leaves Ingresses and HTTPProxies to others", async () => {
    const api = await startApiServer();
    const [xdsPort = 0, httpPort = 0] = await freePorts(2);
    const args = ["gateway-provisioner", "--kubeconfig", api.kubeconfigPath, "--xds-address", "127.0.0.1", "--xds-port", String(xdsPort), "--metrics-addr", `127.0.0.1:${httpPort}`, "--envoy-image", "example/envoy:1"];
    let controller: RunningProcess | undefined;
    try {
      await api.apply([...contourCrds(), ...gatewayCrds()]);
      await api.apply(objects);
      const proxy = { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "shop", namespace: "team" }, spec: { virtualhost: { fqdn: "shop.example.com" } } };
      assert.ok(edge);
      await api.apply([proxy, edge]);
      controller = startProcess({ name: "provisioner", command: join(import.meta.dirname, "../../bin/contour"), args, logPath: join(api.folder, "provisioner.log") });
      await waitFor(async () => (await api.request("GET", "/apis/apps/v1/namespaces/team/daemonsets/envoy-edge")).status === 200, { what: "Envoys are made", timeoutMs: 30_000 });
      await untilStatus<GatewayStatus>(api, edge, "the Gateway has a status", ({ conditions }) => conditions.some(({ type, status }) => type === "Accepted" && status === "True"));
      // What the CRD says of an HTTPProxy that nobody has looked at.
      assert.equal((await api.get<{ readonly status?: { readonly currentStatus?: string } }>(await api.pathOf(proxy))).status?.currentStatus, "NotReconciled");
      assert.equal((await page(httpPort, "/readyz")).status, 200);
    } finally {
      await controller?.stop();
      await api.stop();
    }
  });
});
