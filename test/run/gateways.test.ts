import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePorts } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { sendTo } from "../envoy/client.ts";
import { RunningContour } from "./session.ts";

/** Envoy listens 8000 above the port of a Gateway. */
const shift = 8000;

describe("contour run with several Gateways", () => {
  const contour = new RunningContour();
  const folder = mkdtempSync(join(tmpdir(), "contour-gateways-"));
  let envoyPort = 0;
  before(async () => {
    [envoyPort = 0] = (await freePorts(8)).filter((port) => port > shift + 1024);
    mkdirSync(folder, { recursive: true });
    const gateway = (name: string, more = ""): string => `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name} }
spec: { gatewayClassName: contour, ${more}listeners: [{ name: http, port: ${envoyPort - shift}, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name} }
spec: { parentRefs: [{ name: ${name} }], rules: [{ filters: [{ type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-gateway, value: ${name} }] } }], backendRefs: [{ name: web, port: 80 }] }] }
`;
    writeFileSync(join(folder, "app.yaml"), `apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: contour }
spec: { controllerName: projectcontour.io/gateway-controller }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ port: 80 }] }
${gateway("a-first")}${gateway("b-second")}${gateway("c-third", "addresses: [{ value: 127.0.0.77 }], ")}`);
    await contour.start(folder);
  });
  after(async () => {
    await contour.interrupt();
    contour.cleanUp();
    rmSync(folder, { recursive: true, force: true });
  });

  const gatewayAt = (address: string): Promise<string> => waitFor(async () => (await sendTo(address, { port: envoyPort, host: "shop.example.com" })).headers["x-gateway"] as string | undefined, { what: `an answer at ${address}`, timeoutMs: 10_000, intervalMs: 20 });

  it("gives each an address of its own, so that equal ports and hosts do not meet", async () => {
    assert.deepEqual(await Promise.all(["127.0.0.1", "127.0.0.2", "127.0.0.77"].map(gatewayAt)), ["a-first", "b-second", "c-third"]);
  });

  it("shows them in its list of routes", async () => {
    const state = await contour.state("the routes", ({ routes }) => routes.length >= 3);
    assert.deepEqual(state.routes.map(({ curl }) => /--resolve \S+?:(127\.\d+\.\d+\.\d+)/.exec(curl ?? "")?.[1]).toSorted(), ["127.0.0.1", "127.0.0.2", "127.0.0.77"]);
    assert.deepEqual(state.problems, []);
  });
});
