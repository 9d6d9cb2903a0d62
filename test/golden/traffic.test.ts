import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import type { Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { fromCanonicalJson, toCanonicalJson } from "#envoy/json";
import type { JsonValue } from "#envoy/json";
import type { KubeObject } from "#k8s/object";
import { waitFor } from "../bed/wait.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";

/** A Service with as many servers of its own as there are instances. */
function service(name: string, peer: string, instances: readonly string[]): readonly KubeObject[] {
  const slices = instances.map((instance) => parsed({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: `${name}-${instance}`, namespace: "default", labels: { "kubernetes.io/service-name": name }, annotations: { "golden/peer": peer, "golden/instance": instance } }, addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }], ports: [{ name: "", port: 80, protocol: "TCP" }] }));
  return [parsed({ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec: { ports: [{ port: 80, protocol: "TCP" }] } }), ...slices];
}

const to = (...names: readonly (readonly [name: string, more?: object])[]): object => ({ services: names.map(([name, more]) => ({ name, port: 80, ...more })) });
const route = (prefix: string, targets: object, more: object = {}): object => ({ conditions: [{ prefix }], ...targets, ...more });
const shop = parsed({
  apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "shop", namespace: "default" },
  spec: {
    virtualhost: { fqdn: "shop.example.com" },
    routes: [
      route("/live", to(["web"]), { enableWebsockets: true }),
      route("/echo.Echo", to(["calls", { protocol: "h2c" }])),
      route("/cookie", to(["many"]), { loadBalancerPolicy: { strategy: "Cookie" } }),
      route("/header", to(["many"]), { loadBalancerPolicy: { strategy: "RequestHash", requestHashPolicies: [{ headerHashOptions: { headerName: "X-Session" } }] } }),
      route("/query", to(["many"]), { loadBalancerPolicy: { strategy: "RequestHash", requestHashPolicies: [{ queryParameterHashOptions: { parameterName: "user" } }] } }),
      route("/source", to(["many"]), { loadBalancerPolicy: { strategy: "RequestHash", requestHashPolicies: [{ hashSourceIP: true }] } }),
      route("/spread", to(["many"])),
      route("/weighted", to(["web", { weight: 90 }], ["other", { weight: 10 }], ["never", { weight: 0 }])),
      route("/mirrored", to(["web"], ["shadow", { mirror: true, weight: 50 }])),
    ],
  },
});

describe("traffic that takes more than one request", { timeout: 60_000 }, () => {
  const stage = new Stage();
  before(async () => {
    await stage.open();
    await stage.play([...service("web", "echo", ["1"]), ...service("other", "echo", ["1"]), ...service("never", "echo", ["1"]), ...service("shadow", "counting", ["1"]), ...service("many", "echo", ["1", "2", "3", "4"]), ...service("calls", "grpc", ["1"]), shop]);
    assert.deepEqual(stage.nacks, []);
    await waitFor(async () => (await stage.send({ url: "http://shop.example.com/spread", status: 200 })).status === 200, { what: "Envoy listens", intervalMs: 10 });
  });
  after(() => stage.close());

  const backend = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> => (await stage.send({ url: `http://shop.example.com${path}`, headers, status: 200 })).echo?.backend ?? "nobody";
  const backends = async (count: number, path: string, headersOf: (i: number) => Readonly<Record<string, string>> = () => ({})): Promise<readonly string[]> => {
    const found: string[] = [];
    for (let i = 0; i < count; i++) found.push(await backend(path, headersOf(i)));
    return found;
  };

  it("a WebSocket carries frames both ways", async () => {
    const request = http.request({ host: "127.0.0.1", port: stage.port(8080), path: "/live", headers: { host: "shop.example.com", connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" }, agent: false });
    request.end();
    const [, socket] = (await once(request, "upgrade")) as [http.IncomingMessage, Socket];
    const mask = Buffer.from([1, 2, 3, 4]);
    const payload = Buffer.from("hello").map((byte, i) => byte ^ (mask[i % 4] ?? 0));
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | 5]), mask, payload]));
    const [frame] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    assert.deepEqual([frame[0], frame[1], frame.subarray(2).toString()], [0x81, 5, "hello"]);
  });

  it("a gRPC call comes back", async () => {
    const text = "google.protobuf.StringValue";
    const client = new grpc.Client(`127.0.0.1:${stage.port(8080)}`, grpc.credentials.createInsecure(), { "grpc.default_authority": "shop.example.com" });
    const answer = await new Promise<JsonValue | undefined>((resolve, reject) => {
      client.makeUnaryRequest<JsonValue, JsonValue>("/echo.Echo/Say", (json) => Buffer.from(fromCanonicalJson(text, json)), (bytes) => toCanonicalJson(text, bytes), "hello", (error, value) => (error === null ? resolve(value) : reject(error)));
    });
    client.close();
    assert.equal(answer, "hello");
  });

  it("endpoints share requests, and a session stays with one", async () => {
    assert.equal(new Set(await backends(12, "/spread")).size, 4);
    const first = await stage.send({ url: "http://shop.example.com/cookie", status: 200 });
    const [cookie = ""] = first.headers["set-cookie"] ?? [];
    assert.match(cookie, /^X-Contour-Session-Affinity="?[^;]+"?;.*Path=\/.*HttpOnly/);
    assert.deepEqual(new Set(await backends(12, "/cookie", () => ({ cookie: cookie.slice(0, cookie.indexOf(";")) }))), new Set([first.echo?.backend]));
  });

  it("requests with one header, parameter or source go to one endpoint, and others elsewhere", async () => {
    assert.equal(new Set(await backends(12, "/header", () => ({ "x-session": "a" }))).size, 1);
    assert.ok(new Set(await backends(24, "/header", (i) => ({ "x-session": `s${i}` }))).size > 1);
    assert.equal(new Set(await backends(12, "/query?user=a")).size, 1);
    assert.equal(new Set(await backends(12, "/source")).size, 1);
  });

  it("weights are shares, and 0 is none", async () => {
    const counts = Map.groupBy(await backends(300, "/weighted"), (name) => name);
    const share = (counts.get("default/other#1")?.length ?? 0) / 300;
    // Twelve standard deviations around a tenth: chance alone will not fail this.
    assert.ok(share > 0 && share < 0.31, String(share));
    assert.equal(counts.has("default/never#1"), false);
  });

  it("a mirror gets its share of copies", async () => {
    await backends(200, "/mirrored");
    const copies = (): number => stage.asked.get("default/shadow#1") ?? 0;
    await waitFor(() => copies() > 40, { what: `copies of half of 200 requests: ${copies()}`, timeoutMs: 5000 });
    assert.ok(copies() < 160, String(copies()));
  });
});
