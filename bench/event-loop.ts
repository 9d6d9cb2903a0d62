// event-loop.ts [N...]: how long large changes keep the controller from everything else, with work in one piece and in slices; a real Envoy, and the controller in this process.
// Measured: the longest that the event loop had to wait, how long the change took, and how old endpoints were, of which one changes every 20 ms, when Envoy acknowledged them.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Slices } from "#app/passes";
import type { KubeObject } from "#k8s/object";
import type { Ack } from "#xds/context";
import { endpointsType } from "#xds/types";
import { waitFor } from "../test/bed/wait.ts";
import { startWorld } from "./in-process.ts";
import { summarize } from "./stats.ts";

const everyMs = 20;
const slices: Slices = { ms: 10, later: (next) => void setImmediate(next) };

const metadata = (name: string, version = 1): KubeObject["metadata"] => ({ name, namespace: "default", generation: version, labels: { "kubernetes.io/service-name": name } });
const slice = (i: number, version: number): KubeObject => ({
  apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: metadata(`host-${i}`, version),
  ...{ addressType: "IPv4", ports: [{ name: "", port: 80, protocol: "TCP" }], endpoints: [1, 2, 3, 4, version === 1 ? 250 : 5 + (version % 241)].map((k) => ({ addresses: [`10.${i >> 8}.${i & 255}.${k}`], conditions: { ready: true } })) },
});
const objectsOf = (i: number): readonly KubeObject[] => [
  { apiVersion: "v1", kind: "Service", metadata: metadata(`host-${i}`), ...{ spec: { ports: [{ port: 80 }] } } },
  slice(i, 1),
  { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: metadata(`host-${i}`), ...{ spec: { virtualhost: { fqdn: `host-${i}.example.com` }, routes: [{ services: [{ name: `host-${i}`, port: 80 }] }] } } },
];

let generation = 1;

/** Changes the endpoints of one Service after the other; `ages` gets how old each change was when Envoy had it. */
function churn(n: number, apply: (object: KubeObject) => void): { readonly ages: number[]; acked(ack: Ack): void; stop(): Promise<void> } {
  const due = new Map<string, number>();
  const ages: number[] = [];
  const began = performance.now();
  let count = 0;
  const timer = setInterval(() => {
    // Late when the event loop was: the age counts from when it should have been.
    for (; began + count * everyMs <= performance.now(); count++) {
      const i = count % Math.min(n, 1000);
      due.set(`default/host-${i}`, began + count * everyMs);
      apply(slice(i, ++generation));
    }
  }, everyMs);
  return {
    ages,
    acked({ type, name }) {
      const at = type === endpointsType ? due.get(name) : undefined;
      if (at === undefined) return;
      due.delete(name);
      ages.push(performance.now() - at);
    },
    async stop() {
      clearInterval(timer);
      await waitFor(() => due.size === 0, { what: "Envoy has all endpoints", timeoutMs: 60_000, intervalMs: 5 });
    },
  };
}

/** The longest wait of the event loop while something runs, and how long that took, in milliseconds. */
async function watched(run: () => Promise<unknown>): Promise<{ readonly longest: number; readonly took: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  await sleep(20);
  await run();
  const took = performance.now() - began - 20;
  await sleep(20);
  delay.disable();
  return { longest: delay.max / 1e6, took };
}

async function measure(n: number, sliced: boolean): Promise<Record<string, string>> {
  let acked: (ack: Ack) => void = () => undefined;
  const world = await startWorld({ onAck: (ack) => acked(ack), ...(sliced ? { slices } : {}) });
  const { controller, settings, envoySettings } = world;
  const through = async (): Promise<void> => {
    await sleep(0);
    await controller.idle;
    await world.settled();
  };
  try {
    controller.open();
    await through();
    const all = Array.from({ length: n }, (_, i) => objectsOf(i)).flat().map((object) => ({ type: "upsert", object }) as const);
    const start = await watched(async () => (controller.apply(all), controller.idle));
    await through();
    // Endpoints as they are when nothing else happens.
    const quiet = churn(n, (object) => controller.apply([{ type: "upsert", object }]));
    acked = quiet.acked;
    await sleep(2000);
    await quiet.stop();
    const busy = churn(n, (object) => controller.apply([{ type: "upsert", object }]));
    acked = busy.acked;
    await sleep(200);
    const configured = await watched(async () => {
      controller.configure({ ...settings, headerPolicy: { responseHeaders: { set: { "x-edge": "one" } } } }, envoySettings);
      await through();
    });
    await busy.stop();
    const ages = (found: readonly number[]): string => { const { p50, p99 } = summarize(found); return [p50, p99, Math.max(...found)].map((value) => value.toFixed(1)).join(" / "); };
    return {
      hosts: String(n), work: sliced ? "in slices" : "in one piece",
      "all at once: longest wait ms": start.longest.toFixed(0), "took ms": start.took.toFixed(0),
      "headers for all: longest wait ms": configured.longest.toFixed(0), "until Envoy has all ms": configured.took.toFixed(0),
      "endpoints' age meanwhile p50/p99/max ms": ages(busy.ages), "else": ages(quiet.ages),
    };
  } finally {
    await world.stop();
  }
}

const asked = process.argv.slice(2).map(Number);
for (const n of asked.length > 0 ? asked : [1000, 10_000]) for (const sliced of [false, true]) process.stdout.write(`${JSON.stringify(await measure(n, sliced))}\n`);
