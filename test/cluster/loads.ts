import { join } from "node:path";
import { loadGenerator } from "../bed/cache.ts";
import type { Cluster } from "../bed/cluster.ts";
import { endWrk, wrkArguments } from "../reliability/wrk.ts";
import type { LoopResult } from "./request-loop.ts";

/** Where requests go. */
export interface LoadTarget {
  readonly address: string;
  readonly host: string;
  /** The authority of the host's certificate. */
  readonly caFile: string;
}

/** Two kinds of clients inside a cluster: over TLS, some with kept connections, some with new ones; and wrk, over plain HTTP. */
export interface Loads {
  /** Ends both; gives what they counted together. */
  stop(): Promise<LoopResult>;
  /** Ends them if they still run. */
  end(): Promise<void>;
}

const connections = 16;

/** Starts both; they end by themselves after some minutes. */
export function startLoads(cluster: Cluster, { address, host, caFile }: LoadTarget): Loads {
  const loop = cluster.start("request-loop", process.execPath, join(import.meta.dirname, "request-loop.ts"), address, host, caFile);
  const { path, env } = loadGenerator();
  const wrk = cluster.start("wrk", "env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), path, ...wrkArguments({ url: `http://${address}/`, host, connections, longestSeconds: 800 }));
  return {
    async stop() {
      await loop.stop(20_000);
      const { answered, failed } = JSON.parse(loop.logTail().trim().split("\n").at(-1) ?? "") as LoopResult;
      const counted = await endWrk(wrk, connections);
      return { answered: answered + counted.requests, failed: [...failed, ...counted.failures.map(({ how }) => `wrk: ${how}`)] };
    },
    end: async () => void (await Promise.all([loop.stop(), wrk.stop()])),
  };
}
