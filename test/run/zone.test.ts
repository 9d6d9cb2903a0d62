import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { send } from "../envoy/client.ts";
import { startBackend } from "../envoy/rig.ts";
import type { Backend } from "../envoy/rig.ts";
import { RunningContour } from "./session.ts";

const contour = new RunningContour();

const route = `
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: shop }
spec: { virtualhost: { fqdn: shop.localhost }, routes: [{ services: [{ name: shop, port: 80 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: shop }
spec: { trafficDistribution: PreferSameZone, ports: [{ port: 80 }] }
`;
const slice = (zone: string, { port }: Backend): string => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: shop-${zone}, labels: { kubernetes.io/service-name: shop } }
addressType: IPv4
ports: [{ port: ${port} }]
endpoints: [{ addresses: [127.0.0.1], zone: ${zone}, hints: { forZones: [{ name: ${zone} }] } }]
`;

describe("contour run --zone", () => {
  const folder = mkdtempSync(join(tmpdir(), "contour-zone-"));
  const backends: Backend[] = [];
  before(async () => {
    backends.push(await startBackend("here"), await startBackend("elsewhere"));
    const [here, elsewhere] = backends as [Backend, Backend];
    writeFileSync(join(folder, "all.yaml"), `${route}${slice("here", here)}${slice("elsewhere", elsewhere)}`);
    await contour.start(folder, "--zone", "here");
  });
  after(async () => {
    await contour.interrupt();
    contour.cleanUp();
    rmSync(folder, { recursive: true, force: true });
    await Promise.all(backends.map((backend) => backend.close()));
  });

  it("prefers the endpoints of that zone", async () => {
    const ask = () => send({ port: contour.httpPort, host: "shop.localhost" });
    await waitFor(async () => (await ask()).status === 200, { what: "the route is served", timeoutMs: 10_000, intervalMs: 10 });
    const answers: (string | undefined)[] = [];
    for (let i = 0; i < 10; i++) answers.push((await ask()).echo?.backend);
    assert.deepEqual(new Set(answers), new Set(["here"]));
  });
});
