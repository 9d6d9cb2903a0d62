import { setTimeout as delay } from "node:timers/promises";
import { Option } from "commander";
import type { Command } from "commander";
import { parseDuration, parseLimit, parsePort } from "#cli/number-option";

interface ManagerOptions {
  readonly servePort: number;
  readonly readyFile: string;
}

interface AdminOptions {
  readonly adminAddress: string;
}

interface ShutdownOptions {
  readonly adminAddress: string;
  readonly adminPort?: number;
  readonly checkDelay: number;
  readonly checkInterval: number;
  readonly drainDelay: number;
  readonly minOpenConnections: number;
  readonly maxWait: number;
  readonly readyFile: string;
}

const readyFile = ["--ready-file <file>", "the file by which `envoy shutdown` tells the shutdown manager that Envoy may end", "/admin/ok"] as const;

const adminAddress = ["--admin-address <path>", "unix socket of Envoy's admin interface", "/admin/admin.sock"] as const;

/** Defines `contour envoy shutdown-manager` and `contour envoy shutdown`, with names and defaults as Go Contour's, and `contour envoy admin`. */
export function defineEnvoy(program: Command, finish: (code: number) => void): void {
  const envoy = program.command("envoy").description("run beside an Envoy in its pod");
  envoy
    .command("shutdown-manager")
    .description("serve /shutdown, which answers when Envoy may end")
    .option("--serve-port <port>", "port of /healthz and /shutdown", parsePort, 8090)
    .option(...readyFile)
    .addHelpText("after", "\nExample:\n  contour envoy shutdown-manager --serve-port 8090 --ready-file /admin/ok")
    .action(async (options: ManagerOptions) => finish(await manage(options)));
  envoy
    .command("shutdown")
    .description("let Envoy go: fail its health checks, wait for open connections, then tell the shutdown manager")
    .option(...adminAddress)
    .option("--admin-port <port>", "has no effect: the admin interface is a unix socket", parsePort)
    .addOption(duration("--check-delay", "time between draining and the first look at connections", 0, "0s"))
    .addOption(duration("--check-interval", "time between two looks at connections", 5000, "5s"))
    .addOption(duration("--drain-delay", "time before draining", 0, "0s"))
    .option("--min-open-connections <count>", "with so many connections left Envoy may end", parseLimit, 0)
    .addOption(duration("--max-wait", "after this time in all Envoy may end, whatever is open; keep it below the pod's grace period", 285_000, "4m45s"))
    .option(...readyFile)
    .addHelpText("after", "\nExample, as the preStop hook of the shutdown manager:\n  contour envoy shutdown --check-delay 10s --min-open-connections 0")
    .action(async (options: ShutdownOptions) => finish(await shutdown(options)));
  envoy
    .command("admin")
    .description("show a page of Envoy's admin interface: /help lists them; nothing can be changed this way")
    .argument("<page>", "/clusters, /config_dump, /listeners, /stats?filter=TEXT and so on")
    .option(...adminAddress)
    .addHelpText("after", "\nExample, from outside of the pod:\n  kubectl -n projectcontour exec POD -c shutdown-manager -- contour envoy admin /clusters")
    .action(async (page: string, options: AdminOptions) => finish(await showPage(page, options)));
}

function duration(flag: string, description: string, ms: number, text: string): Option {
  return new Option(`${flag} <duration>`, description).default(ms, text).argParser(parseDuration);
}

async function manage({ servePort, readyFile: file }: ManagerOptions): Promise<number> {
  const [{ runShutdownManager }, { pino }] = await Promise.all([import("#app/shutdown-manager"), import("pino")]);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const log = pino({ name: "shutdown-manager" }, process.stderr);
  const manager = await runShutdownManager({ port: servePort, readyFile: file, log, signal: stop.signal });
  log.info({ port: manager.port }, "waiting to be asked");
  await manager.stopped;
  return 0;
}

async function shutdown(options: ShutdownOptions): Promise<number> {
  const [{ drainEnvoy }, { pino }] = await Promise.all([import("#app/envoy-drain"), import("pino")]);
  await drainEnvoy({
    adminPath: options.adminAddress,
    drainDelayMs: options.drainDelay,
    checkDelayMs: options.checkDelay,
    checkIntervalMs: options.checkInterval,
    minOpenConnections: options.minOpenConnections,
    maxWaitMs: options.maxWait,
    readyFile: options.readyFile,
    log: pino({ name: "shutdown" }, process.stderr),
    clock: () => Date.now(),
    sleep: (ms) => delay(ms),
  });
  return 0;
}

/** Envoy changes nothing for a GET. */
async function showPage(page: string, { adminAddress: socket }: AdminOptions): Promise<number> {
  const [{ openAdmin }, { pipeline }] = await Promise.all([import("#app/envoy-admin"), import("node:stream/promises")]);
  try {
    await pipeline(await openAdmin(socket, "GET", page.startsWith("/") ? page : `/${page}`), process.stdout, { end: false });
    return 0;
  } catch (error) {
    process.stderr.write(`contour envoy admin: ${socket}: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
