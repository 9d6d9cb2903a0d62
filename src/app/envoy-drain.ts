import { writeFileSync } from "node:fs";
import type { Logger } from "pino";
import { askAdmin } from "#app/envoy-admin";

/** What `contour envoy shutdown` is asked for. Times in milliseconds. */
export interface DrainRequest {
  /** The unix socket of Envoy's admin interface. */
  readonly adminPath: string;
  /** Before Envoy is told to drain. */
  readonly drainDelayMs: number;
  /** Between that and the first look at its connections. */
  readonly checkDelayMs: number;
  readonly checkIntervalMs: number;
  /** With so many connections left Envoy may end. */
  readonly minOpenConnections: number;
  /** After this time Envoy may end, whatever is open: less than the pod's grace period, so that it ends in an orderly way. */
  readonly maxWaitMs: number;
  /** The file that tells the shutdown manager. */
  readonly readyFile: string;
  readonly log: Logger;
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

const tries = 4;
const firstRetryMs = 200;
const retryFactor = 5;

/** What in Envoy's connection counters is not users' traffic: its own pages. */
const ownPrefixes = new Set(["admin", "envoy-admin", "stats", "health", "stats-health"]);

/**
 * Lets an Envoy go without losing a request: its health checks fail and connections are asked to close (`healthcheck/fail`), then it
 * waits until they are gone. Whatever goes wrong, the ready file is written in the end, or Kubernetes ends the pod by its grace period.
 */
export async function drainEnvoy(request: DrainRequest): Promise<void> {
  const { log, sleep, drainDelayMs, checkDelayMs } = request;
  const end = request.clock() + request.maxWaitMs;
  await sleep(Math.min(drainDelayMs, request.maxWaitMs));
  await failHealthChecks(request);
  await sleep(Math.min(checkDelayMs, Math.max(0, end - request.clock())));
  await untilFewConnections(request, end);
  tell(request);
  log.info("Envoy may end");
}

async function failHealthChecks({ adminPath, log, sleep }: DrainRequest): Promise<void> {
  let pause = firstRetryMs;
  for (let attempt = 1; attempt <= tries; attempt++, pause *= retryFactor) {
    try {
      await askAdmin(adminPath, "POST", "/healthcheck/fail");
      return log.info("Envoy drains: its health checks fail, and connections are asked to close");
    } catch (error) {
      log.error({ attempt, reason: String(error) }, "Envoy cannot be told to drain");
      if (attempt < tries) await sleep(pause);
    }
  }
}

async function untilFewConnections({ adminPath, checkIntervalMs, minOpenConnections, log, clock, sleep }: DrainRequest, end: number): Promise<void> {
  for (let failures = 0; ; ) {
    try {
      const open = openConnections(await askAdmin(adminPath, "GET", "/stats?format=json&type=Gauges&filter=downstream_cx_active$"));
      failures = 0;
      log.info({ open, enough: minOpenConnections }, "connections that are open");
      if (open <= minOpenConnections) return;
    } catch (error) {
      log.error({ reason: String(error) }, "Envoy cannot be asked for its connections");
      // An Envoy that is gone has none.
      if (++failures >= tries) return;
    }
    const left = end - clock();
    if (left <= 0) return log.warn("connections are open still, but the time to wait is over");
    await sleep(Math.min(checkIntervalMs, left));
  }
}

interface Gauge {
  readonly name?: string;
  readonly value?: number;
}

/** Sums the connections of clients in Envoy's answer to `/stats?format=json`. */
export function openConnections(text: string): number {
  const { stats } = JSON.parse(text) as { readonly stats: readonly Gauge[] };
  return stats.reduce((sum, { name = "", value = 0 }) => {
    const prefix = /^(?:http|tcp)\.(.+)\.downstream_cx_active$/.exec(name)?.[1];
    return prefix === undefined || ownPrefixes.has(prefix) ? sum : sum + value;
  }, 0);
}

// On a full disk the shutdown manager learns it when it is told to end itself, which Kubernetes does as soon as this command has ended.
function tell({ readyFile, log }: DrainRequest): void {
  try {
    writeFileSync(readyFile, "");
  } catch (error) {
    log.error({ file: readyFile, reason: String(error) }, "the ready file cannot be written; the shutdown manager hears it by its own end");
  }
}
