import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "./cold-start.ts";
import { type Envoy, localAddress, startBackend, startEnvoy } from "./envoy.ts";
import { collections, create, endpointSlice, hostOf, httpProxy, itemName, service } from "./load.ts";
import { patch } from "./one-change.ts";
import { cpuMs, mainThreadCpuMs, memoryMiB, startIdleMeter } from "./process-cost.ts";
import type { Session } from "./session.ts";
import { watchClient } from "./sightings.ts";
import { formatSummary, summarize } from "./stats.ts";

const pollMs = 5;
const rounds = 30;

/** New HTTPProxy → first 200 through a real Envoy, and deleted HTTPProxy → 404, with every other answer on the way. */
export async function measureFirst200(bench: Bench, session: Session, envoyBinary: string): Promise<void> {
  const backend = await startBackend();
  const envoy = await startEnvoy(session, bench.api.folder, envoyBinary);
  const idle = startIdleMeter();
  const samples: Round[] = [];
  try {
    const before = { controller: cpuMs(session.controller.process.pid), envoy: cpuMs(envoy.process.pid) };
    for (let round = 0; round < rounds; round++) samples.push(await oneRound(bench, envoy, backend.port, bench.n + 20_000 + round));
    const per = (now: number, then: number): string => ((now - then) / rounds).toFixed(0);
    bench.report.add({
      scenario: "new HTTPProxy → first 200 through Envoy", n: bench.n,
      figures: {
        "create → 200 p50/p90/p99 ms": formatSummary(summarize(samples.map(({ created }) => created.ms))),
        "other answers before 200": countCodes(samples.map(({ created }) => created)),
        "delete → 404 p50/p90/p99 ms": formatSummary(summarize(samples.map(({ deleted }) => deleted.ms))),
        "other answers before 404": countCodes(samples.map(({ deleted }) => deleted)),
        "controller CPU ms/pair": per(cpuMs(session.controller.process.pid), before.controller),
        "Envoy CPU ms/pair": per(cpuMs(envoy.process.pid), before.envoy),
        "Envoy RSS MiB": memoryMiB(envoy.process.pid).now.toFixed(0),
        "idle %": idle().toFixed(0),
      },
    });
  } finally {
    await envoy.stop();
    backend.stop();
  }
}

interface Transition {
  readonly ms: number;
  /** Answers other than the one waited for, and (first) the one that was right until the change. */
  readonly codes: readonly (number | "refused")[];
}

interface Round {
  readonly created: Transition;
  readonly deleted: Transition;
}

async function oneRound({ api }: Bench, envoy: Envoy, port: number, index: number): Promise<Round> {
  await create(api, collections.services, service(index));
  await create(api, collections.slices, endpointSlice(index, [localAddress], port));
  await delay(200);
  const created = await until(envoy, hostOf(index), 200, () => create(api, collections.proxies, httpProxy(index, { tls: false })));
  await delay(200);
  const deleted = await until(envoy, hostOf(index), 404, async () => void (await api.request("DELETE", `${collections.proxies}/${itemName(index)}`)));
  return { created, deleted };
}

async function until(envoy: Envoy, host: string, wanted: number, change: () => Promise<void>): Promise<Transition> {
  const codes: (number | "refused")[] = [];
  const start = performance.now();
  const writing = change();
  for (;;) {
    const code = await envoy.get(host);
    if (code === wanted) break;
    codes.push(code);
    if (performance.now() - start > 20_000) throw new Error(`${host}: no ${wanted} within 20 s, last ${code}`);
    await delay(pollMs);
  }
  const ms = performance.now() - start;
  await writing;
  return { ms, codes };
}

function countCodes(transitions: readonly Transition[]): string {
  const counts = new Map<number | "refused", number>();
  for (const code of transitions.flatMap(({ codes }) => codes)) counts.set(code, (counts.get(code) ?? 0) + 1);
  return [...counts].map(([code, count]) => `${count} × ${code}`).join(", ") || "none";
}

/** What one changed route costs Envoy's main thread, which also accepts connections' first configuration. */
export async function measureEnvoyCost(bench: Bench, session: Session, wish: { readonly binary: string; readonly changes: number }): Promise<void> {
  const started = performance.now();
  const envoy = await startEnvoy(session, bench.api.folder, wish.binary);
  const listensMs = performance.now() - started;
  try {
    await untilQuiet(envoy.process.pid);
    const rss = memoryMiB(envoy.process.pid).now;
    const startCpu = mainThreadCpuMs(envoy.process.pid);
    const perChange = await costPerChange(bench, session, { pid: envoy.process.pid, changes: wish.changes });
    bench.report.add({ scenario: "Envoy's own cost", n: bench.n, figures: { "start → listening s": (listensMs / 1000).toFixed(2), "main thread CPU s for all": (startCpu / 1000).toFixed(2), "RSS MiB": rss.toFixed(0), "main thread CPU ms/changed route": perChange.toFixed(2) } });
  } finally {
    await envoy.stop();
  }
}

interface CostWish {
  readonly pid: number;
  readonly changes: number;
}

async function costPerChange({ api, n }: Bench, session: Session, { pid, changes }: CostWish): Promise<number> {
  const seen = watchClient(session.client, [session.mirror.count("srds") > 0 ? "srds" : "rds"]);
  const idleStart = mainThreadCpuMs(pid);
  await delay(4000);
  const idleRate = (mainThreadCpuMs(pid) - idleStart) / 4000;
  const [cpu, at] = [mainThreadCpuMs(pid), performance.now()];
  for (let attempt = 0; attempt < changes; attempt++) {
    const token = `/envoycost${String(attempt).padStart(4, "0")}`;
    await Promise.all([seen.expect(token), patch(api, `${collections.proxies}/${itemName((attempt * 30) % n)}`, "/spec/routes/0/conditions/0/prefix", token)]);
    await delay(100);
  }
  await delay(1000);
  seen.stop();
  return Math.max(0, (mainThreadCpuMs(pid) - cpu - idleRate * (performance.now() - at)) / changes);
}

async function untilQuiet(pid: number): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    const before = mainThreadCpuMs(pid);
    await delay(1000);
    if (mainThreadCpuMs(pid) - before < 20) return;
  }
}
