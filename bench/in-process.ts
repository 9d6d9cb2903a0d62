import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Controller } from "#app/controller";
import type { ControllerOptions } from "#app/controller";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { startEnvoy } from "#app/envoy-process";
import type { EnvoyProcess } from "#app/envoy-process";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import { defaultEnvoySettings } from "#settings/envoy";
import type { EnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import type { Settings } from "#settings/settings";
import type { Ack } from "#xds/context";
import { serveXds } from "#xds/server";
import { freePorts } from "../test/bed/free-port.ts";
import { waitFor } from "../test/bed/wait.ts";
import { noMetrics } from "../test/xds/rig.ts";

const address = "127.0.0.1";

/** A controller in this process, and a real Envoy. */
export interface World {
  readonly controller: Controller;
  readonly settings: Settings;
  readonly envoySettings: EnvoySettings;
  readonly envoy: EnvoyProcess;
  readonly port: number;
  /** Bytes sent to Envoy so far, and milliseconds of translation and hand-over. */
  readonly cost: { bytes: number; ms: number };
  /** Resolves when Envoy has taken everything. */
  settled(): Promise<unknown>;
  stop(): Promise<void>;
}

/** What is to be chosen about them. */
export interface WorldOptions {
  readonly envoySettings?: Partial<EnvoySettings>;
  readonly slices?: ControllerOptions["slices"];
  readonly onAck?: (ack: Ack) => void;
}

/** Starts both; the controller waits for `open`. */
export async function startWorld({ envoySettings: chosen = {}, slices, onAck = () => undefined }: WorldOptions = {}): Promise<World> {
  const [http = 0, https = 0] = await freePorts(2);
  const cost = { bytes: 0, ms: 0 };
  const settings = { ...defaultSettings, http: { address, port: http }, https: { address, port: https } };
  const envoySettings: EnvoySettings = { ...defaultEnvoySettings, accessLogPath: "/dev/null", stats: { address, port: 0 }, adminPort: 0, ...chosen };
  const controller = new Controller({ settings, envoySettings, ...(slices === undefined ? {} : { slices }), clock: Date.now, onChange: (_, { translateMs, feedMs }) => void (cost.ms += translateMs + feedMs) });
  const server = await serveXds({
    address: `${address}:0`, fleetOf: () => controller.store, signal: new AbortController().signal, log: pino({ level: "silent" }), clock: () => performance.now(),
    metrics: { ...noMetrics, pushed: (_, bytes) => void (cost.bytes += bytes) },
    onAck: (ack) => (onAck(ack), controller.accepted(ack)), onNack: (nack) => (process.stderr.write(`refused: ${nack.message}\n`), controller.rejected(nack)),
  });
  const bootstrap = buildBootstrap({ node: { id: "bench", cluster: "bench" }, xds: { kind: "tcp", address, port: server.port }, admin: { kind: "unix", path: join(tmpdir(), `bench-${process.pid}.sock`) } });
  const binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
  const envoy = startEnvoy({ binary, bootstrap: JSON.parse(bootstrapJson(bootstrap)) as unknown, concurrency: 2, onLine: () => undefined, onUnexpectedExit: (code) => process.stderr.write(`Envoy ended: ${code}\n`) });
  const isSettled = (): boolean => server.envoys().every(({ streams }) => Object.values(streams).flat().every(({ upToDate }) => upToDate));
  const settled = (): Promise<unknown> => waitFor(isSettled, { what: "Envoy has everything", timeoutMs: 180_000, intervalMs: 20 });
  return { controller, settings, envoySettings, envoy, port: https, cost, settled, stop: async () => (await envoy.stop(), await server.close()) };
}
