import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { KubeObject } from "#k8s/object";
import { waitFor } from "../bed/wait.ts";
import type { Answer } from "../envoy/client.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";

const gatewayApi = "gateway.networking.k8s.io/v1";
const slice = (instance: string): KubeObject => parsed({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: `many-${instance}`, namespace: "default", labels: { "kubernetes.io/service-name": "many" }, annotations: { "golden/instance": instance } }, addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }], ports: [{ name: "", port: 80, protocol: "TCP" }] });
const slices = ["1", "2", "3", "4"].map(slice);
const rule = (path: string, sessionPersistence: object): object => ({ matches: [{ path: { value: path } }], backendRefs: [{ name: "many", port: 80 }], sessionPersistence });
const objects = [
  parsed({ apiVersion: gatewayApi, kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } }),
  parsed({ apiVersion: gatewayApi, kind: "Gateway", metadata: { name: "public", namespace: "default" }, spec: { gatewayClassName: "contour", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] } }),
  parsed({
    apiVersion: gatewayApi, kind: "HTTPRoute", metadata: { name: "shop", namespace: "default" },
    spec: { parentRefs: [{ name: "public" }], rules: [rule("/cookie", {}), rule("/named", { sessionName: "basket", absoluteTimeout: "1h", cookieConfig: { lifetimeType: "Permanent" } }), rule("/header", { type: "Header", sessionName: "x-basket" })] },
  }),
  parsed({ apiVersion: "v1", kind: "Service", metadata: { name: "many", namespace: "default" }, spec: { ports: [{ port: 80, protocol: "TCP" }] } }),
];

describe("sessions of HTTPRoutes (GEP-1619)", { timeout: 60_000 }, () => {
  const stage = new Stage();
  before(async () => {
    await stage.open();
    await stage.play([...objects, ...slices]);
    assert.deepEqual(stage.nacks, []);
    await waitFor(async () => (await send("/cookie")).status === 200, { what: "Envoy listens", intervalMs: 10 });
  });
  after(() => stage.close());

  const send = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> => stage.send({ url: `http://shop.example.com:9080${path}`, headers, status: 200 });
  /** Sends requests of one session, and others; gives where they came to. */
  const follow = async (path: string, session: Readonly<Record<string, string>>): Promise<readonly [own: number, others: number]> => {
    const [own, others] = [new Set<string | undefined>(), new Set<string | undefined>()];
    for (let i = 0; i < 12; i++) own.add((await send(path, session)).echo?.backend);
    for (let i = 0; i < 12; i++) others.add((await send(path)).echo?.backend);
    return [own.size, others.size];
  };
  const cookieOf = (answer: Answer): string => answer.headers["set-cookie"]?.[0] ?? "";

  it("keeps one by a cookie that ends with the browser, on the path of the rule", async () => {
    const cookie = cookieOf(await send("/cookie"));
    assert.match(cookie, /^contour-session-[0-9a-f]{12}="?[^;]+"?; Path=\/cookie; HttpOnly$/i);
    const [own, others] = await follow("/cookie", { cookie: cookie.slice(0, cookie.indexOf(";")) });
    assert.deepEqual([own, others > 1], [1, true]);
  });

  it("keeps one by a named cookie for the time that it may last", async () => {
    const cookie = cookieOf(await send("/named"));
    assert.match(cookie, /^basket="?[^;]+"?; Max-Age=3600; Path=\/named; HttpOnly$/i);
    assert.equal((await follow("/named", { cookie: cookie.slice(0, cookie.indexOf(";")) }))[0], 1);
  });

  it("keeps one by a header", async () => {
    const session = String((await send("/header")).headers["x-basket"] ?? "");
    assert.notEqual(session, "");
    const [own, others] = await follow("/header", { "x-basket": session });
    assert.deepEqual([own, others > 1], [1, true]);
  });

  it("goes on elsewhere when its endpoint is gone", async () => {
    const answer = await send("/cookie");
    const cookie = cookieOf(answer);
    const gone = slices.find(({ metadata }) => answer.echo?.backend.endsWith(`#${metadata.annotations?.["golden/instance"]}`) === true);
    assert.ok(gone);
    stage.controller.apply([{ type: "delete", ref: { kind: "EndpointSlice", namespace: "default", name: gone.metadata.name } }]);
    const session = { cookie: cookie.slice(0, cookie.indexOf(";")) };
    await waitFor(async () => (await send("/cookie", session)).echo?.backend !== answer.echo?.backend, { what: "another endpoint has the session", intervalMs: 10 });
    assert.equal((await send("/cookie", session)).status, 200);
  });
});
