import assert from "node:assert/strict";
import * as http from "node:http";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import type { KubeObject } from "#k8s/object";
import { waitFor } from "../bed/wait.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";

const gatewayApi = "gateway.networking.k8s.io/v1";
const service = (name: string): readonly KubeObject[] => [
  parsed({ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec: { ports: [{ port: 80, protocol: "TCP" }] } }),
  parsed({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: `${name}-1`, namespace: "default", labels: { "kubernetes.io/service-name": name } }, addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }], ports: [{ name: "", port: 80, protocol: "TCP" }] }),
];
const names = ["a", "b", "c"];

/** One of the ways in which the route is written: other order, other backends, other filters. */
function variant(round: number): KubeObject {
  const target = (i: number): object => ({ name: names[(round + i) % names.length] ?? "a", port: 80, weight: 1 + ((round + i) % 3) });
  const rules = [
    { matches: [{ path: { value: "/one" } }], backendRefs: [target(0)] },
    { matches: [{ path: { value: "/two" } }], filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-round", value: String(round) }] } }], backendRefs: [target(1), target(2)] },
    { backendRefs: [target(2)] },
  ];
  const turned = [...rules.slice(round % rules.length), ...rules.slice(0, round % rules.length)];
  return parsed({ apiVersion: gatewayApi, kind: "HTTPRoute", metadata: { name: "shop", namespace: "default", generation: round + 1 }, spec: { parentRefs: [{ name: "public" }], hostnames: ["shop.example.com"], rules: turned } });
}

describe("an HTTPRoute that is edited, reordered and pointed elsewhere under load", { timeout: 60_000 }, () => {
  const stage = new Stage();
  before(async () => {
    await stage.open();
    await stage.play([
      parsed({ apiVersion: gatewayApi, kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } }),
      parsed({ apiVersion: gatewayApi, kind: "Gateway", metadata: { name: "public", namespace: "default" }, spec: { gatewayClassName: "contour", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] } }),
      ...names.flatMap(service),
      variant(0),
    ]);
    assert.deepEqual(stage.nacks, []);
    await waitFor(async () => (await stage.send({ url: "http://shop.example.com:9080/", status: 200 })).status === 200, { what: "Envoy listens", intervalMs: 10 });
  });
  after(() => stage.close());

  it("loses no request in fifty changes", async (test) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const answers = new Map<number, number>();
    const backends = new Set<string>();
    let going = true;
    const client = async (path: string): Promise<void> => {
      while (going) {
        const request = http.get({ host: "127.0.0.1", port: stage.port(9080), path, headers: { host: "shop.example.com" }, agent });
        const [response] = (await once(request, "response")) as [http.IncomingMessage];
        backends.add(String(response.headers["x-backend"]));
        answers.set(response.statusCode ?? 0, (answers.get(response.statusCode ?? 0) ?? 0) + 1);
        response.resume();
        await once(response, "end");
      }
    };
    const clients = ["/", "/one", "/two", "/two", "/else", "/one/more"].map(client);
    const total = (): number => [...answers.values()].reduce((sum, count) => sum + count, 0);
    for (let round = 1; round <= 50; round++) {
      stage.controller.apply([{ type: "upsert", object: variant(round) }]);
      // Load goes on between two changes.
      const before = total();
      await waitFor(() => total() > before + 60, { what: "requests between changes", intervalMs: 1 });
    }
    going = false;
    await Promise.all(clients);
    agent.destroy();
    test.diagnostic(`${total()} requests`);
    assert.deepEqual([...answers.keys()], [200]);
    assert.deepEqual([...backends].toSorted(), names.map((name) => `default/${name}`));
    assert.deepEqual(stage.nacks, []);
  });
});
