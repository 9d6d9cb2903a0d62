import { setTimeout as delay } from "node:timers/promises";
import type { ApiServer } from "../test/bed/api-server.ts";
import type { WatchEvent } from "../test/bed/kube-client.ts";
import type { ControllerWish } from "./controller.ts";
import { collections } from "./load.ts";
import { cpuMs, memoryMiB, startIdleMeter } from "./process-cost.ts";
import type { Report } from "./report.ts";
import { startSession, type Session } from "./session.ts";
import { formatBytes } from "./stats.ts";

/** What the scenarios of one size share. */
export interface Bench {
  readonly api: ApiServer;
  readonly n: number;
  readonly report: Report;
  readonly controller: Pick<ControllerWish, "args" | "target">;
}

/** First start: nobody has a status yet. The session goes on; the report has all but that. */
export async function measureFirstStart(bench: Bench): Promise<Session> {
  const idle = startIdleMeter();
  const statuses = await countStatuses(bench);
  const session = await startSession(bench.api, bench.n, bench.controller);
  const start = startFigures(session);
  const patienceMs = bench.controller.target === "floor" ? 0 : 120_000 + bench.n * 20;
  const written = await statuses.finish(session.controller.startedAt, patienceMs);
  bench.report.add({ scenario: "cold start, no status yet", n: bench.n, figures: { ...start, ...written, "CPU s with statuses": seconds(cpuMs(session.controller.process.pid)), "idle %": idle().toFixed(0) } });
  return session;
}

/** Later starts: every status is already right. Leaves the last session running. */
export async function measureRestarts(bench: Bench, first: Session, restarts: number): Promise<Session> {
  let session = first;
  for (let run = 0; run < restarts; run++) {
    const idle = startIdleMeter();
    await session.stop();
    session = await startSession(bench.api, bench.n, bench.controller);
    bench.report.add({ scenario: "cold start, statuses in place", n: bench.n, figures: { ...startFigures(session), "idle %": idle().toFixed(0) } });
    await delay(1000); // the next one starts on a machine at rest
  }
  return session;
}

function startFigures(session: Session): Readonly<Record<string, string | number>> {
  const { messages, bytes } = session.client.traffic();
  const { pid } = session.controller.process;
  return {
    "port open s": seconds(session.portOpenMs),
    "complete s": seconds(session.completeMs),
    "CPU s": seconds(cpuMs(pid)),
    "RSS peak MiB": memoryMiB(pid).peak.toFixed(0),
    messages,
    bytes: formatBytes(bytes),
    "first CDS": session.client.firstCount("cds") ?? 0,
  };
}

// Longer without a new status means that no more will come.
const silenceMs = 20_000;

interface StatusCount {
  finish(startedAt: number, timeoutMs: number): Promise<Readonly<Record<string, string>>>;
}

interface Proxy {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly currentStatus?: string };
}

async function countStatuses({ api, n }: Bench): Promise<StatusCount> {
  const { metadata } = await api.get<{ readonly metadata: { readonly resourceVersion: string } }>(`${collections.proxies}?limit=1`);
  const end = new AbortController();
  const valid = new Set<string>();
  const asked = performance.now();
  let lastAt = 0;
  const onEvent = ({ object }: WatchEvent): void => {
    const proxy = object as unknown as Proxy;
    if (proxy.status?.currentStatus !== "valid") return;
    lastAt = performance.now();
    valid.add(proxy.metadata.name);
  };
  const watching = api.watch(`${collections.proxies}?watch=1&resourceVersion=${metadata.resourceVersion}`, onEvent, end.signal);
  return {
    finish: async (startedAt, timeoutMs) => {
      const limit = performance.now() + timeoutMs;
      while (valid.size < n && performance.now() < limit && performance.now() - Math.max(lastAt, asked) < silenceMs) await delay(50);
      end.abort();
      await watching.catch(() => undefined);
      if (valid.size === 0) return { statuses: "none" };
      const took = (lastAt - startedAt) / 1000;
      return { statuses: `${valid.size} of ${n}`, "all statuses s": took.toFixed(2), "statuses/s": (valid.size / took).toFixed(0) };
    },
  };
}

/** Milliseconds as seconds with two digits. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}
