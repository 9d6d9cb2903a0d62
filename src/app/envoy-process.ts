import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What starting Envoy needs. */
export interface EnvoyProcessOptions {
  readonly binary: string;
  readonly bootstrap: unknown;
  /** Gets each line that Envoy logs or writes as access log. */
  readonly onLine: (line: string) => void;
  /** Worker threads. */
  readonly concurrency?: number;
  /** Called when Envoy ends without having been stopped. */
  readonly onUnexpectedExit: (code: number | null) => void;
}

/** A running Envoy. */
export interface EnvoyProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Milliseconds that Envoy gets to end by itself. */
const graceMs = 3000;

/** Starts Envoy with a bootstrap in a folder of its own; both are gone after `stop`. */
export function startEnvoy(options: EnvoyProcessOptions): EnvoyProcess {
  const folder = mkdtempSync(join(tmpdir(), "contour-envoy-"));
  const file = join(folder, "bootstrap.json");
  writeFileSync(file, JSON.stringify(options.bootstrap));
  const args = ["--config-path", file, "--use-dynamic-base-id", "--log-level", "warning", "--log-format", "[%l] %v", "--drain-time-s", "2", "--concurrency", String(options.concurrency ?? 2)];
  // In a group of its own: Ctrl-C in a terminal reaches the whole group, and Envoy is to end last.
  const child = spawn(options.binary, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", options.onLine);
  let stopping = false;
  const exited = new Promise<void>((resolve) => {
    child.once("exit", (code) => {
      rmSync(folder, { recursive: true, force: true });
      if (!stopping) options.onUnexpectedExit(code);
      resolve();
    });
  });
  const killWithParent = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithParent);
  return {
    pid: child.pid ?? 0,
    async stop() {
      stopping = true;
      process.removeListener("exit", killWithParent);
      await end(child, exited);
    },
  };
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => void child.kill("SIGKILL"), graceMs);
  await exited;
  clearTimeout(timer);
}
