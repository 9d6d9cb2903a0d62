// gateway-scale.ts [N]: many HTTPRoutes on one Gateway, and many ListenerSets with certificates of their own, on a real API server.
// Measured: from the first object until the status says all, writes of that status on the way, and what one change more costs.
import { setTimeout as delay } from "node:timers/promises";
import { startApiServer } from "../test/bed/api-server.ts";
import type { ApiServer } from "../test/bed/api-server.ts";
import type { TestObject } from "../test/bed/kube-client.ts";
import { createAuthority } from "../test/bed/pki.ts";
import { waitFor } from "../test/bed/wait.ts";
import { contourCrds, gatewayCrds, startServing } from "../test/kubernetes/serving.ts";

const count = Number(process.argv[2] ?? "1000");
const api = "gateway.networking.k8s.io/v1";
const atATime = 50;

interface Status {
  readonly listeners?: readonly { readonly attachedRoutes: number }[];
  readonly attachedListenerSets?: number;
}

const route = (i: number): TestObject => ({ apiVersion: api, kind: "HTTPRoute", metadata: { name: `route-${i}`, namespace: "default" }, spec: { parentRefs: [{ name: "edge" }], hostnames: [`host-${i}.example.com`], rules: [{ backendRefs: [{ name: "web", port: 80 }] }] } });
const listenerSet = (i: number): TestObject => ({ apiVersion: api, kind: "ListenerSet", metadata: { name: `set-${i}`, namespace: "default" }, spec: { parentRef: { name: "sets" }, listeners: [{ name: "https", port: 443, protocol: "HTTPS", hostname: `host-${i}.example.com`, tls: { certificateRefs: [{ name: `cert-${i}` }] } }] } });

/** Creates many objects, some at a time; without waiting for anything but the API server. */
async function create(server: ApiServer, path: string, objects: readonly TestObject[]): Promise<void> {
  const rest = [...objects];
  const worker = async (): Promise<void> => {
    for (let object = rest.shift(); object !== undefined; object = rest.shift()) await server.request("POST", path, object);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

/** Watches a Gateway: how often it was written, and what its status says. */
function follow(server: ApiServer, name: string, signal: AbortSignal): { readonly writes: () => number; readonly status: () => Status } {
  let writes = 0;
  let status: Status = {};
  void server.watch(`/apis/${api}/namespaces/default/gateways?watch=1&fieldSelector=metadata.name%3D${name}`, ({ type, object }) => {
    if (type === "MODIFIED") writes += 1;
    status = (object as unknown as { readonly status?: Status }).status ?? {};
  }, signal).catch(() => undefined);
  return { writes: () => writes, status: () => status };
}

const server = await startApiServer();
const stop = new AbortController();
try {
  await server.apply([...contourCrds(), ...gatewayCrds()]);
  const listener = { name: "http", port: 80, protocol: "HTTP" };
  await server.apply([
    { apiVersion: api, kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } },
    { apiVersion: api, kind: "Gateway", metadata: { name: "edge", namespace: "default" }, spec: { gatewayClassName: "contour", listeners: [listener] } },
    { apiVersion: api, kind: "Gateway", metadata: { name: "sets", namespace: "default" }, spec: { gatewayClassName: "contour", allowedListeners: { namespaces: { from: "All" } }, listeners: [{ ...listener, port: 81 }] } },
    { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "default" }, spec: { ports: [{ port: 80 }] } },
  ]);
  const serving = await startServing(server, "--disable-leader-election", "--ingress-status-address", "192.0.2.1");
  const cpu = async (): Promise<number> => Number(/^process_cpu_seconds_total (\S+)/m.exec((await serving.page("/metrics")).text)?.[1] ?? 0);
  for (const scenario of [
    { name: "HTTPRoutes on one Gateway", gateway: "edge", path: `/apis/${api}/namespaces/default/httproutes`, make: route, done: (status: Status, n: number) => status.listeners?.[0]?.attachedRoutes === n, prepare: async () => undefined },
    {
      name: "ListenerSets with certificates", gateway: "sets", path: `/apis/${api}/namespaces/default/listenersets`, make: listenerSet, done: (status: Status, n: number) => status.attachedListenerSets === n,
      prepare: async () => {
        const authority = await createAuthority("bench");
        const { certificate, key } = await authority.issue({ subject: "CN=bench", use: "server", dnsNames: ["*.example.com"] });
        const base64 = (text: string): string => Buffer.from(text).toString("base64");
        await create(server, "/api/v1/namespaces/default/secrets", Array.from({ length: count + 1 }, (_, i) => ({ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: `cert-${i}`, namespace: "default" }, data: { "tls.crt": base64(certificate), "tls.key": base64(key) } })));
      },
    },
  ]) {
    await scenario.prepare();
    const seen = follow(server, scenario.gateway, stop.signal);
    await delay(2000); // What the preparation caused is over; nothing is measured by this time.
    const [before, began, cpuBefore] = [seen.writes(), performance.now(), await cpu()];
    await create(server, scenario.path, Array.from({ length: count }, (_, i) => scenario.make(i)));
    const created = performance.now();
    await waitFor(() => scenario.done(seen.status(), count), { what: `${scenario.name}: the status`, timeoutMs: 300_000, intervalMs: 5 });
    const ended = performance.now();
    const writes = seen.writes() - before;
    const cpuAll = (await cpu()) - cpuBefore;
    const [oneBegan, oneCpu] = [performance.now(), await cpu()];
    await server.request("POST", scenario.path, scenario.make(count));
    await waitFor(() => scenario.done(seen.status(), count + 1), { what: "one more", timeoutMs: 60_000, intervalMs: 1 });
    console.log(JSON.stringify({ scenario: scenario.name, n: count, createdSeconds: +((created - began) / 1000).toFixed(2), statusSeconds: +((ended - began) / 1000).toFixed(2), afterLastObjectMs: Math.round(ended - created), gatewayWrites: writes, cpuSeconds: +cpuAll.toFixed(2), oneMoreMs: Math.round(performance.now() - oneBegan), oneMoreCpuMs: Math.round(((await cpu()) - oneCpu) * 1000) }));
  }
  await serving.stop();
} finally {
  stop.abort();
  await server.stop();
}
