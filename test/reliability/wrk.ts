import { join } from "node:path";
import { loadGenerator } from "../bed/cache.ts";
import { startProcess } from "../bed/process.ts";
import type { RunningProcess } from "../bed/process.ts";
import { waitFor } from "../bed/wait.ts";
import type { LoadResult } from "./load.ts";

/** What to ask for. */
export interface WrkWish {
  readonly url: string;
  readonly host: string;
  readonly connections: number;
  /** Ends by itself after as many seconds. */
  readonly longestSeconds: number;
}

/** The command line: kept connections, paced by wrk.lua. */
export function wrkArguments({ url, host, connections, longestSeconds }: WrkWish): readonly string[] {
  return ["--threads", "1", "--connections", String(connections), "--duration", `${longestSeconds}s`, "--timeout", "15s", "--latency", "--header", `Host: ${host}`, "--script", join(import.meta.dirname, "wrk.lua"), url];
}

/** Starts wrk; `stop` ends it and gives what it counted. */
export function startWrk(wish: WrkWish, folder: string): { stop(): Promise<LoadResult> } {
  const { path, env } = loadGenerator();
  const running = startProcess({ name: "wrk", command: path, args: wrkArguments(wish), env, logPath: join(folder, `wrk-${wish.host}.log`) });
  return { stop: () => endWrk(running, wish.connections) };
}

/** Ends a wrk; gives what it counted. */
export async function endWrk(running: RunningProcess, connections: number): Promise<LoadResult> {
  running.signal("SIGINT"); // upon which it prints its summary
  await waitFor(() => running.exited(), { what: "wrk has ended", timeoutMs: 20_000 });
  return resultOf(running.logTail(), connections);
}

/** What wrk's summary says. Throws when there is none. */
export function resultOf(summary: string, connections: number): LoadResult {
  const requests = /(\d+) requests in/.exec(summary)?.[1];
  if (requests === undefined) throw new Error(`wrk gave no summary:\n${summary}`);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(summary);
  const kinds = ["connect", "read", "write", "timeout"].map((kind, i) => [kind, Number(errors?.[i + 1] ?? 0)] as const);
  const wrong = Number(/Non-2xx or 3xx responses: (\d+)/.exec(summary)?.[1] ?? 0);
  const failures = [...kinds, ["answer", wrong] as const].filter(([, count]) => count > 0).map(([kind, count]) => ({ atMs: 0, how: `${count} × ${kind}`, afterMs: 0 }));
  return { requests: Number(requests), connections, failures, slowestMs: slowest(summary) };
}

function slowest(summary: string): number {
  const [, number = "0", unit = "ms"] = /^\s+Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)\s/m.exec(summary) ?? [];
  return Math.round(Number(number) * { us: 0.001, ms: 1, s: 1000 }[unit as "us" | "ms" | "s"]);
}
