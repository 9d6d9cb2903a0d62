import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { scopeResourceName } from "#envoy/names";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { createAuthority } from "../bed/pki.ts";
import { waitFor } from "../bed/wait.ts";
import { contourCrds, gatewayCrds, objectsOf, page, startServing, untilStatus } from "./serving.ts";
import type { Serving } from "./serving.ts";

const [service, slice] = objectsOf(`
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
`) as [TestObject, TestObject];
const proxy = (name: string, spec: object): TestObject => ({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default" }, spec });
const shop = proxy("shop", { virtualhost: { fqdn: "shop.example.com", tls: { secretName: "cert" } }, routes: [{ services: [{ name: "web", port: 80 }] }] });
const broken = proxy("broken", { virtualhost: { fqdn: "broken.example.com" }, routes: [{ services: [{ name: "gone", port: 80 }] }] });
const lost = proxy("lost", { routes: [{ services: [{ name: "web", port: 80 }] }] });

describe("what an operator sees of a running controller", { timeout: 120_000 }, () => {
  let api: ApiServer;
  let serving: Serving;
  let expiresAt = 0;
  before(async () => {
    api = await startApiServer();
    const authority = await createAuthority("observability");
    const pair = await authority.issue({ subject: "CN=shop", use: "server", dnsNames: ["shop.example.com"] });
    expiresAt = new X509Certificate(pair.certificate).validToDate.getTime() / 1000;
    const data = { "tls.crt": Buffer.from(pair.certificate).toString("base64"), "tls.key": Buffer.from(pair.key).toString("base64") };
    await api.apply([...contourCrds(), { apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } }, { apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: "cert", namespace: "default" }, data }, service, slice, shop, broken, lost]);
    serving = await startServing(api);
    await waitFor(() => serving.held.has(`srds ${scopeResourceName("ingress_https|shop.example.com")}`), { what: "the configuration came" });
    for (const object of [shop, broken, lost]) await untilStatus<{ readonly currentStatus: string }>(api, object, "it has a status", (status) => status.currentStatus !== undefined);
  });
  after(async () => {
    await serving?.stop();
    await api?.stop();
  });

  const metrics = async (): Promise<string> => (await serving.page("/metrics")).text;
  const debug = (path: string): ReturnType<typeof page> => page(serving.debugPort, path);

  it("has every metric of Go Contour, with its labels", async () => {
    const text = await metrics();
    const expected = [
      /^contour_build_info\{branch="[^"]+",revision="[^"]+",version="[^"]+"\} 1$/m,
      /^contour_httpproxy\{namespace="default"\} 3$/m,
      /^contour_httpproxy_root\{namespace="default"\} 2$/m,
      /^contour_httpproxy_valid\{namespace="default",vhost="shop.example.com"\} 1$/m,
      /^contour_httpproxy_invalid\{namespace="default",vhost="broken.example.com"\} 1$/m,
      /^contour_httpproxy_orphaned\{namespace="default"\} 1$/m,
      /^contour_dag_cache_object\{kind="HTTPProxy"\} 3$/m,
      /^contour_dag_cache_object\{kind="Secret"\} [1-9]/m,
      /^contour_dagrebuild_timestamp 1\d{9}/m,
      /^contour_dagrebuild_total [1-9]/m,
      /^contour_dagrebuild_seconds\{quantile="0.99"\} \d/m,
      /^contour_cachehandler_onupdate_duration_seconds_count [1-9]/m,
      /^contour_eventhandler_operation_total\{op="add",kind="HTTPProxy"\} 3$/m,
      /^contour_status_update_total\{kind="HTTPProxy"\} [1-9]/m,
      /^contour_status_update_success_total\{kind="HTTPProxy"\} [1-9]/m,
      /^# TYPE contour_status_update_noop_total counter$/m,
      /^# TYPE contour_status_update_failed_total counter$/m,
      /^# TYPE contour_status_update_conflict_total counter$/m,
      /^contour_status_update_duration_seconds_count\{kind="HTTPProxy",error="false"\} [1-9]/m,
      /^grpc_server_started_total\{grpc_type="bidi_stream",grpc_service="envoy.service.discovery.v3.AggregatedDiscoveryService",grpc_method="DeltaAggregatedResources"\} 1$/m,
      /^grpc_server_msg_sent_total\{.*\} [1-9]/m,
      /^grpc_server_msg_received_total\{.*\} [1-9]/m,
      /^rest_client_requests_total\{code="200",method="GET",host="127.0.0.1:\d+"\} [1-9]/m,
      /^process_resident_memory_bytes \d/m,
    ];
    assert.deepEqual(expected.filter((line) => !line.test(text)).map(String), [], text);
  });

  it("counts what Go Contour does not: Envoys, their answers, the time to them, units, certificates, watches, leadership", async () => {
    await waitFor(async () => /^contour_xds_acks_total\{type="srds"\} [1-9]/m.test(await metrics()), { what: "acknowledgements" });
    const text = await metrics();
    const expected = [
      /^contour_xds_connected_envoys 1$/m,
      /^# TYPE contour_xds_nacks_total counter$/m,
      /^contour_units_recomputed_total\{rule="envoy-scope"\} [1-9]/m,
      /^contour_certificates_served 1$/m,
      new RegExp(`^contour_certificate_expiry_timestamp_seconds\\{namespace="default",name="cert"\\} ${expiresAt}$`, "m"),
      /^contour_watch_established\{kind="HTTPProxy"\} 1$/m,
      /^leader_election_master_status\{name="leader-elect"\} 1$/m,
    ];
    assert.deepEqual(expected.filter((line) => !line.test(text)).map(String), [], text);
    await api.apply([{ ...slice, endpoints: [{ addresses: ["10.9.9.9"], conditions: { ready: true } }] } as TestObject]);
    await waitFor(async () => /^contour_xds_propagation_seconds_count\{type="eds"\} [1-9]/m.test(await metrics()), { what: "the time of a change to its acknowledgement" });
  });

  it("says on an object that it is invalid, and that it is valid again, once each", async () => {
    interface Event {
      readonly regarding: { readonly kind: string; readonly name: string; readonly uid?: string };
      readonly type: string;
      readonly reason: string;
      readonly note: string;
    }
    const events = async (): Promise<readonly Event[]> => (await api.get<{ readonly items: readonly Event[] }>("/apis/events.k8s.io/v1/namespaces/default/events")).items.filter(({ regarding }) => regarding.name === "broken");
    const [first] = await waitFor(async () => ((await events()).length === 1 ? events() : undefined), { what: "an event" });
    assert.deepEqual([first?.type, first?.reason], ["Warning", "ServiceUnresolvedReference"]);
    assert.match(first?.note ?? "", /spec\.routes\[0\]\.services\[0\].*gone/);
    assert.equal(first?.regarding.uid, (await api.get<{ readonly metadata: { readonly uid: string } }>(await api.pathOf(broken))).metadata.uid);
    await api.apply([proxy("broken", { virtualhost: { fqdn: "broken.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] })]);
    await waitFor(async () => (await events()).some(({ type, reason }) => type === "Normal" && reason === "Valid"), { what: "it is valid again" });
    assert.equal((await events()).length, 2);
    // `lost` is an orphan, and nobody hears of what is well.
    assert.deepEqual((await api.get<{ readonly items: readonly Event[] }>("/apis/events.k8s.io/v1/namespaces/default/events")).items.map(({ regarding }) => regarding.name).toSorted(), ["broken", "broken", "lost"]);
  });

  it("says on objects of Gateway API which listener or parent has what is wrong, and that it is well again", async () => {
    interface Event {
      readonly regarding: { readonly kind: string; readonly name: string };
      readonly type: string;
      readonly reason: string;
      readonly note: string;
    }
    const said = async (): Promise<readonly string[]> => (await api.get<{ readonly items: readonly Event[] }>("/apis/events.k8s.io/v1/namespaces/default/events")).items.filter(({ regarding }) => ["edge", "way"].includes(regarding.name)).map(({ regarding, type, reason, note }) => `${regarding.kind} ${type} ${reason} ${note}`);
    const version = "gateway.networking.k8s.io/v1";
    const route = (backend: string): TestObject => ({ apiVersion: version, kind: "HTTPRoute", metadata: { name: "way", namespace: "default" }, spec: { parentRefs: [{ name: "edge" }], rules: [{ backendRefs: [{ name: backend, port: 80 }] }] } });
    await api.apply(gatewayCrds());
    await api.apply([
      { apiVersion: version, kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } },
      { apiVersion: version, kind: "Gateway", metadata: { name: "edge", namespace: "default" }, spec: { gatewayClassName: "contour", listeners: [{ name: "http", port: 80, protocol: "HTTP" }, { name: "https", port: 443, protocol: "HTTPS", tls: { certificateRefs: [{ name: "none" }] } }] } },
      route("gone"),
    ]);
    const says = (pattern: RegExp): Promise<unknown> => waitFor(async () => (await said()).some((line) => pattern.test(line)), { what: `an event like ${pattern}`, timeoutMs: 30_000 });
    await says(/^Gateway Warning InvalidCertificateRef listener "https": .*none/);
    await says(/^HTTPRoute Warning BackendNotFound parent Gateway edge: .*gone/);
    await api.apply([route("web")]);
    await says(/^HTTPRoute Normal ResolvedRefs parent Gateway edge: /);
  });

  it("runs for a change only the units that it touches, and shows how many", async () => {
    const runs = async (): Promise<number> => [...(await metrics()).matchAll(/^contour_units_recomputed_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    const before = await runs();
    await api.apply([{ ...slice, endpoints: [{ addresses: ["10.9.9.10"], conditions: { ready: true } }] } as TestObject]);
    await waitFor(() => [...serving.held].some(([key, bytes]) => key.startsWith("eds ") && bytes.includes("10.9.9.10")), { what: "the new address" });
    const cost = (await runs()) - before;
    assert.ok(cost > 0 && cost <= 4, `${cost} units`);
  });

  it("lists its debug pages, and each of them answers", async () => {
    const list = (await debug("/debug")).text;
    const paths = [...list.matchAll(/^(\/debug\S+)/gm)].map(([, path]) => path ?? "");
    assert.ok(paths.length >= 9, list);
    for (const path of paths) assert.equal((await debug(path)).status, path === "/debug/model" ? 404 : 200, path);
    assert.equal((await debug("/debug/nothing/of/that")).status, 200, "what is below a page is the page's");
    assert.equal((await debug("/else")).status, 404);
  });

  it("shows objects, the model of a host, units and Envoys", async () => {
    const read = async (path: string): Promise<unknown> => JSON.parse((await debug(path)).text);
    assert.equal(((await read("/debug/objects")) as { HTTPProxy: number }).HTTPProxy, 3);
    assert.deepEqual(Object.keys((await read("/debug/objects/HTTPProxy")) as object).toSorted(), ["default/broken", "default/lost", "default/shop"]);
    assert.deepEqual((await read("/debug/objects/Secret/default/cert") as { dataKeys: string[] }).dataKeys.toSorted(), ["tls.crt", "tls.key"]);
    const model = (await read("/debug/model/shop.example.com")) as { tls: { tls: { certificate: string } }[]; virtualHosts: { routes: object[] }[] };
    assert.equal(model.tls[0]?.tls.certificate, "default/cert");
    assert.ok((model.virtualHosts[0]?.routes.length ?? 0) > 0);
    const unit = (await read("/debug/graph?rule=httpproxy-status&bucket=default/shop")) as { reads: string[]; adds: string[] };
    assert.ok(unit.reads.includes("our-proxy default/shop"));
    assert.deepEqual(unit.adds, ["status HTTPProxy/default/shop"]);
    await waitFor(async () => ((await read("/debug/envoys")) as { streams: { srds: { upToDate: boolean }[] } }[])[0]?.streams.srds[0]?.upToDate, { what: "the Envoy is up to date" });
    const [taken] = (await read("/debug/envoys/bench")) as { srds: Record<string, string> }[];
    assert.match(taken?.srds[scopeResourceName("ingress_https|shop.example.com")] ?? "", /^[\w-]{16}$/);
  });

  it("draws the configuration for Graphviz", async () => {
    const { text } = await debug("/debug/dag");
    assert.match(text, /^digraph "contour" \{\n/);
    for (const part of ['"listener ingress_https" -> "host ingress_https|shop.example.com";', '"host ingress_https|shop.example.com" -> "secret default/cert";', /"route [^"]+" -> "cluster default\/web\/80\//]) assert.ok(typeof part === "string" ? text.includes(part) : part.test(text), `${part} in\n${text}`);
  });

  it("makes profiles that name functions", async () => {
    const cpu = JSON.parse((await debug("/debug/pprof/profile?seconds=0.2")).text) as { nodes: { callFrame: { functionName: string } }[] };
    assert.ok(cpu.nodes.length > 1);
    const heap = JSON.parse((await debug("/debug/pprof/heap?seconds=0.2")).text) as { head: object };
    assert.ok(heap.head !== undefined);
  });

  it("changes the level of its log while it runs", async () => {
    const put = (level: string): Promise<number> => fetch(`http://127.0.0.1:${serving.debugPort}/debug/log-level?level=${level}`, { method: "PUT" }).then(({ status }) => status);
    assert.equal((await debug("/debug/log-level")).text, "info\n");
    assert.equal(await put("chatty"), 400);
    assert.equal(await put("debug"), 200);
    assert.equal((await debug("/debug/log-level")).text, "debug\n");
    serving.process.signal("SIGUSR2");
    await waitFor(async () => (await debug("/debug/log-level")).text === "info\n", { what: "the signal switches back" });
  });
});
