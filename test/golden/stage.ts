import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { applyConfiguration } from "#app/configuration";
import { Controller } from "#app/controller";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { startEnvoy } from "#app/envoy-process";
import type { EnvoyProcess } from "#app/envoy-process";
import { gatewayPortBeside } from "#app/gateway-ports";
import type { PipelineChange } from "#app/pipeline";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
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
import type { Answer, Wish } from "../envoy/client.ts";
import { startHttp3Client } from "../envoy/http3-client.ts";
import type { Http3Client } from "../envoy/http3-client.ts";
import { pemOf } from "../peers/identities.ts";
import { makeToken } from "../peers/tokens.ts";
import { sendBytes } from "./bytes.ts";
import { call } from "./calls.ts";
import { sendDatagram } from "./datagrams.ts";
import { StageBackends } from "./stage-backends.ts";
import type { StoryRequest } from "./story.ts";
import { noMetrics } from "../xds/rig.ts";

const quiet = noMetrics;

/** A controller and a real Envoy, with backends that answer. */
export class Stage {
  readonly nacks: string[] = [];
  /** Hears of every change, for what else a controller is followed by. */
  onChange: ((change: PipelineChange) => void) | undefined;
  /** The status that each object should have, by `kind/namespace/name`. */
  readonly statuses = new Map<string, DesiredStatus>();
  readonly #accepted = new Map<string, string>();
  readonly #backends = new StageBackends();
  readonly #ports = new Map<number, number>();
  #controller!: Controller;
  #server: XdsServer | undefined;
  #envoy!: EnvoyProcess;
  #http3: Promise<Http3Client> | undefined;
  readonly lines: string[] = [];

  /** How often authorization services were asked, by host. */
  get asked(): ReadonlyMap<string, number> {
    return this.#backends.asked.times;
  }

  /** The port that stands for one of the stories. */
  port(shown: number): number {
    return this.#ports.get(shown) ?? assert.fail(`no free port stands for ${shown}: add it to the stage`);
  }

  /** The resource as Envoy is to have it. */
  get controller(): Controller {
    return this.#controller;
  }

  /** Where Envoy's admin interface listens. */
  readonly adminSocket = join(tmpdir(), `golden-${process.pid}.sock`);

  async open(configuration?: ContourConfiguration): Promise<void> {
    const binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
    // The ports of the stories, as translate shows them, and the free ones that stand for them here.
    const shown = [8080, 8443, 9080, 9443, 8081, 8082, 8083, 8444, 8053];
    for (const [i, port] of (await freePorts(shown.length)).entries()) this.#ports.set(shown[i] ?? 0, port);
    const address = "127.0.0.1";
    const port = (wanted: number): number => this.port(wanted);
    const gatewayPort = gatewayPortBeside([8080, 8443]);
    const chosen = configuration === undefined ? { settings: defaultSettings, envoySettings: defaultEnvoySettings } : applyConfiguration({ settings: defaultSettings, envoySettings: defaultEnvoySettings }, configuration.spec);
    const settings = { ...chosen.settings, http: { address, port: port(8080) }, https: { address, port: port(8443) }, gatewayAddress: address, gatewayPort: (listener: number) => port(gatewayPort(listener)) };
    this.#controller = new Controller({ settings, envoySettings: { ...chosen.envoySettings, accessLogPath: "/dev/null", stats: { address, port: 0 }, adminPort: 0 }, clock: Date.now, onChange: (change) => this.#note(change) });
    this.#controller.open();
    const server = await serveXds({
      address: "127.0.0.1:0", fleetOf: () => this.#controller.store, placeOf: ({ locality }) => ({ zone: locality?.zone ?? "", node: "" }), signal: new AbortController().signal, log: pino({ level: "silent" }), metrics: quiet, clock: () => performance.now(),
      onAck: (ack) => (this.#accepted.set(`${ack.type} ${ack.name}`, ack.version), this.#controller.accepted(ack)),
      onNack: (nack) => (this.nacks.push(`${nack.name}: ${nack.message}`), this.#controller.rejected(nack)),
    });
    this.#server = server;
    const bootstrap = buildBootstrap({ node: { id: "golden", cluster: "golden", zone: "eu-a" }, xds: { kind: "tcp", address, port: server.port }, admin: { kind: "unix", path: this.adminSocket } });
    this.#envoy = startEnvoy({ binary, bootstrap: JSON.parse(bootstrapJson(bootstrap)) as unknown, concurrency: 1, onLine: (line) => this.lines.push(line), onUnexpectedExit: (code) => this.nacks.push(`Envoy ended: ${code} ${this.lines.slice(-5).join("\n")}`) });
  }

  /** From now on Envoy is on its own. */
  async loseController(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async close(): Promise<void> {
    await (await this.#http3)?.stop();
    await this.#envoy?.stop();
    await this.#server?.close();
    await this.#backends.close();
  }

  #note(change: PipelineChange): void {
    const { statuses } = change;
    this.onChange?.(change);
    for (const status of statuses) this.statuses.set(`${status.kind}/${status.namespace}/${status.name}`, status);
  }

  /** Plays a story's objects, with endpoints that really answer; gives a way to take them away again. */
  async play(objects: readonly KubeObject[]): Promise<() => void> {
    const real = await Promise.all(objects.map((object) => this.#backends.real(object)));
    this.#controller.apply(real.map((object) => ({ type: "upsert", object })));
    await this.settled();
    return () => {
      this.#controller.apply(real.map((object) => ({ type: "delete", ref: refOf(object) })));
      this.nacks.length = 0;
    };
  }

  /** Waits until Envoy has taken all that it is to have. */
  async settled(): Promise<void> {
    const { store } = this.#controller;
    const missing = (): readonly string[] => ([clusterType, listenerType, scopeType] as const).flatMap((type) => [...store.names(type)].filter((name) => this.#accepted.get(`${type} ${name}`) !== store.newest(type, name)?.version));
    await waitFor(() => this.nacks.length > 0 || missing().length === 0, { what: "Envoy takes the story", intervalMs: 2, timeoutMs: 10_000 }).catch(() => this.nacks.push(`not taken: ${missing().join(", ")}`));
  }

  async #sendHttp3(wish: Wish): Promise<Answer> {
    this.#http3 ??= startHttp3Client();
    return (await this.#http3).send(wish);
  }

  send(request: StoryRequest): Promise<Answer> {
    const url = new URL(request.url);
    const secure = url.protocol === "https:";
    const shown = url.port === "" ? (secure ? 8443 : 8080) : Number(url.port);
    const host = request.headers?.["host"] ?? url.hostname;
    const port = this.#ports.get(shown) ?? shown;
    const sni = request.sni ?? url.hostname;
    if (request.tcp !== undefined) return sendBytes(port, request.tcp, secure ? sni : undefined);
    if (request.udp !== undefined) return sendDatagram(port, request.udp);
    const { by, ...claims } = request.token ?? {};
    const how = request.call !== undefined ? call : request.http3 === true ? (wish: Wish) => this.#sendHttp3(wish) : send;
    return how({
      port,
      host,
      path: `${url.pathname}${url.search}`,
      method: request.method ?? (request.body === undefined ? "GET" : "POST"),
      headers: { ...request.headers, ...(request.token === undefined ? {} : { authorization: `Bearer ${makeToken(claims, by)}` }) },
      ...(secure ? { sni } : {}),
      ...(request.identity === undefined ? {} : { identity: pemOf(request.identity) }),
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.chunked === undefined ? {} : { chunked: request.chunked }),
      ...(request.http2 === undefined ? {} : { http2: request.http2 }),
      ...(request.maxTlsVersion === undefined ? {} : { maxTlsVersion: request.maxTlsVersion }),
    });
  }
}
