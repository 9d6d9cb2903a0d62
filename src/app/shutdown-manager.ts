import { existsSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";

/** What `contour envoy shutdown-manager` is asked for. */
export interface ShutdownManagerOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** The file that `contour envoy shutdown` writes when Envoy may end. */
  readonly readyFile: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** A running shutdown manager. */
export interface ShutdownManager {
  readonly port: number;
  /** Resolves after the signal has aborted and everybody who waits was answered. */
  readonly stopped: Promise<void>;
}

/** Milliseconds between two looks for the ready file. */
const lookMs = 250;

/**
 * Serves `/healthz`, and `/shutdown`, which answers when Envoy may end: Envoy's container waits for it before it is told to end.
 * The signal means that too: the manager's own container is ended only after its hook, `contour envoy shutdown`.
 */
export async function runShutdownManager({ port, readyFile, log, signal }: ShutdownManagerOptions): Promise<ShutdownManager> {
  // Left by a drain that was broken off: this pod is not ending.
  rmSync(readyFile, { force: true });
  const waiting = new Set<ServerResponse>();
  const answerAll = (): void => {
    for (const response of waiting) response.end("OK");
    waiting.clear();
  };
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0];
    if (path === "/healthz") return void response.end("OK");
    if (path !== "/shutdown") return void response.writeHead(404).end("not found; there is: /healthz, /shutdown\n");
    log.info({ file: readyFile }, "asked whether Envoy may end");
    waiting.add(response);
    response.on("close", () => waiting.delete(response));
  });
  const looking = setInterval(() => waiting.size > 0 && existsSync(readyFile) && answerAll(), lookMs);
  await new Promise<void>((resolve, reject) => void server.once("error", reject).listen(port, () => resolve()));
  const stopped = new Promise<void>((resolve) => {
    const end = (): void => {
      clearInterval(looking);
      answerAll();
      server.close(() => resolve());
      server.closeIdleConnections();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
  return { port: (server.address() as AddressInfo).port, stopped };
}
