import { Agent, get } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

/** A request that was not answered as it should have been. */
export interface Failure {
  /** Milliseconds since the load began. */
  readonly atMs: number;
  /** The status that came, or how the connection failed. */
  readonly how: string;
  /** How long it had been on its way. */
  readonly afterMs: number;
}

/** What a load was answered. */
export interface LoadResult {
  readonly requests: number;
  readonly connections: number;
  readonly failures: readonly Failure[];
  readonly slowestMs: number;
}

/** Requests that go on until they are told to stop. */
export interface Load {
  /** How many were answered as they should. */
  answered(): number;
  failures(): readonly Failure[];
  /** Ends it after the requests that are on their way. */
  stop(): Promise<LoadResult>;
}

/** What to ask for. */
export interface LoadWish {
  readonly port: number;
  readonly hosts: readonly string[];
  readonly connections: number;
  /** Milliseconds between two requests on a connection: the load is bounded, the machine is shared. */
  readonly paceMs?: number;
  readonly path?: string;
}

/** Sends requests over kept connections, each one after the answer to the one before, until the test ends. A failure is counted, and never tried again. */
export function startLoad(test: { after(end: () => void): void }, { port, hosts, connections, paceMs = 10, path = "/" }: LoadWish): Load {
  const began = performance.now();
  const failures: Failure[] = [];
  let answered = 0;
  let slowestMs = 0;
  let going = true;
  const client = async (first: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = first; going; i++) {
      const started = performance.now();
      const how = await once({ agent, port, path, host: hosts[i % hosts.length] ?? "" });
      const afterMs = performance.now() - started;
      if (how === "200") {
        answered += 1;
        slowestMs = Math.max(slowestMs, afterMs);
      } else failures.push({ atMs: Math.round(started - began), how, afterMs: Math.round(afterMs) });
      await pause(paceMs);
    }
    agent.destroy();
  };
  test.after(() => void (going = false));
  const clients = Array.from({ length: connections }, (_, i) => client(i));
  return {
    answered: () => answered,
    failures: () => failures,
    async stop() {
      going = false;
      await Promise.all(clients);
      return { requests: answered + failures.length, connections, failures, slowestMs: Math.round(slowestMs) };
    },
  };
}

function once({ agent, port, path, host }: { readonly agent: Agent; readonly port: number; readonly path: string; readonly host: string }): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path, headers: { host }, agent, timeout: 15_000 }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.complete ? String(answer.statusCode) : "cut off"));
      answer.on("error", () => resolve("cut off"));
    });
    request.on("timeout", () => request.destroy(new Error("no answer in 15 s")));
    request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
