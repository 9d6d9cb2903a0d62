import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Controller } from "#app/controller";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { startEnvoy } from "#app/envoy-process";
import type { EnvoyProcess } from "#app/envoy-process";
import { gatewayPortBeside } from "#app/gateway-ports";
import type { PipelineChange } from "#app/pipeline";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import type { KubeObject } from "#k8s/object";
import { refOf } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import type { DesiredStatus } from "#translate/facts";
import { serveXds } from "#xds/server";
import type { XdsServer } from "#xds/server";
import { clusterType, listenerType, scopeType } from "#xds/types";
import { freePorts } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { send } from "../envoy/client.ts";
import type { Answer } from "../envoy/client.ts";
import { startBackend } from "../envoy/rig.ts";
import type { Backend } from "../envoy/rig.ts";
import type { StoryRequest } from "./story.ts";

const quiet = { streamOpened() {}, streamClosed() {}, envoysConnected() {}, acked() {}, nacked() {}, pushed() {}, propagated() {} };

/** A controller and a real Envoy, with backends that answer. */
export class Stage {
  readonly nacks: string[] = [];
  /** The status that each object should have, by `kind/namespace/name`. */
  readonly statuses = new Map<string, DesiredStatus>();
  readonly #accepted = new Map<string, string>();
  readonly #backends = new Map<string, Backend>();
  readonly #ports = new Map<number, number>();
  #controller!: Controller;
  #server!: XdsServer;
  #envoy!: EnvoyProcess;
  readonly lines: string[] = [];

  async open(): Promise<void> {
    const binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
    // The ports of the stories, as translate shows them, and the free ones that stand for them here.
    const shown = [8080, 8443, 9080, 9443, 8081];
    for (const [i, port] of (await freePorts(shown.length)).entries()) this.#ports.set(shown[i] ?? 0, port);
    const address = "127.0.0.1";
    const port = (wanted: number): number => this.#ports.get(wanted) ?? assert.fail(`no free port stands for ${wanted}: add it to the stage`);
    const gatewayPort = gatewayPortBeside([8080, 8443]);
    const settings = { ...defaultSettings, http: { address, port: port(8080) }, https: { address, port: port(8443) }, gatewayAddress: address, gatewayPort: (listener: number) => port(gatewayPort(listener)) };
    this.#controller = new Controller({ settings, envoySettings: { ...defaultEnvoySettings, accessLogPath: "/dev/null", stats: { address, port: 0 }, adminPort: 0 }, clock: Date.now, onChange: (change) => this.#note(change) });
    this.#controller.open();
    this.#server = await serveXds({
      address: "127.0.0.1:0", fleetOf: () => this.#controller.store, signal: new AbortController().signal, log: pino({ level: "silent" }), metrics: quiet, clock: () => performance.now(),
      onAck: ({ type, name, version }) => this.#accepted.set(`${type} ${name}`, version),
      onNack: ({ type, name, message }) => (this.nacks.push(`${name}: ${message}`), this.#controller.rejected(type, name, message)),
      onRecovered: (type, name) => this.#controller.recovered(type, name),
    });
    const bootstrap = buildBootstrap({ node: { id: "golden", cluster: "golden" }, xds: { kind: "tcp", address, port: this.#server.port }, admin: { kind: "unix", path: join(tmpdir(), `golden-${process.pid}.sock`) } });
    this.#envoy = startEnvoy({ binary, bootstrap: JSON.parse(bootstrapJson(bootstrap)) as unknown, concurrency: 1, onLine: (line) => this.lines.push(line), onUnexpectedExit: (code) => this.nacks.push(`Envoy ended: ${code} ${this.lines.slice(-5).join("\n")}`) });
  }

  async close(): Promise<void> {
    await this.#envoy?.stop();
    await this.#server?.close();
    await Promise.all([...this.#backends.values()].map((backend) => backend.close()));
  }

  #note({ statuses }: PipelineChange): void {
    for (const status of statuses) this.statuses.set(`${status.kind}/${status.namespace}/${status.name}`, status);
  }

  /** Plays a story's objects, with endpoints that really answer; gives a way to take them away again. */
  async play(objects: readonly KubeObject[]): Promise<() => void> {
    const real = await Promise.all(objects.map((object) => (object.kind === "EndpointSlice" ? this.#withBackend(object as EndpointSlice) : object)));
    this.#controller.apply(real.map((object) => ({ type: "upsert", object })));
    const { store } = this.#controller;
    const missing = (): readonly string[] => ([clusterType, listenerType, scopeType] as const).flatMap((type) => [...store.names(type)].filter((name) => this.#accepted.get(`${type} ${name}`) !== store.newest(type, name)?.version));
    await waitFor(() => this.nacks.length > 0 || missing().length === 0, { what: "Envoy takes the story", intervalMs: 2, timeoutMs: 10_000 }).catch(() => this.nacks.push(`not taken: ${missing().join(", ")}`));
    return () => {
      this.#controller.apply(real.map((object) => ({ type: "delete", ref: refOf(object) })));
      this.nacks.length = 0;
    };
  }

  send(request: StoryRequest): Promise<Answer> {
    const url = new URL(request.url);
    const secure = url.protocol === "https:";
    const shown = url.port === "" ? (secure ? 8443 : 8080) : Number(url.port);
    const host = request.headers?.["host"] ?? url.hostname;
    return send({ port: this.#ports.get(shown) ?? shown, host, path: `${url.pathname}${url.search}`, method: request.method ?? "GET", headers: request.headers ?? {}, ...(secure ? { sni: request.sni ?? url.hostname } : {}) });
  }

  async #withBackend(slice: EndpointSlice): Promise<EndpointSlice> {
    const ready = slice.endpoints?.some((endpoint) => endpoint.conditions?.ready !== false) ?? false;
    if (!ready) return slice;
    const name = `${slice.metadata.namespace}/${slice.metadata.labels?.["kubernetes.io/service-name"]}`;
    const backend = this.#backends.get(name) ?? (await startBackend(name));
    this.#backends.set(name, backend);
    return { ...slice, endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }], ports: (slice.ports ?? []).map((port) => ({ ...port, port: backend.port })) };
  }
}
