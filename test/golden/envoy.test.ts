import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { Controller } from "#app/controller";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { startEnvoy } from "#app/envoy-process";
import type { EnvoyProcess } from "#app/envoy-process";
import { gatewayPortBeside } from "#app/gateway-ports";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import type { KubeObject } from "#k8s/object";
import { refOf } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import { readFiles } from "#sources/file/read";
import { serveXds } from "#xds/server";
import type { XdsServer } from "#xds/server";
import { clusterType, listenerType, scopeType } from "#xds/types";
import { freePorts } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { send } from "../envoy/client.ts";
import type { Answer } from "../envoy/client.ts";
import { startBackend } from "../envoy/rig.ts";
import type { Backend } from "../envoy/rig.ts";
import { manifestsOf, readStories } from "./story.ts";
import type { StoryRequest } from "./story.ts";

const quiet = { streamOpened() {}, streamClosed() {}, envoysConnected() {}, acked() {}, nacked() {}, pushed() {}, propagated() {} };

/** One Envoy lives through all stories: what one leaves behind would spoil the next. */
class Stage {
  readonly nacks: string[] = [];
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
    this.#controller = new Controller({ settings, envoySettings: { ...defaultEnvoySettings, accessLogPath: "/dev/null", stats: { address, port: 0 }, adminPort: 0 }, clock: Date.now, onChange() {} });
    this.#controller.open();
    this.#server = await serveXds({
      address: "127.0.0.1:0", fleetOf: () => this.#controller.store, signal: new AbortController().signal, log: pino({ level: "silent" }), metrics: quiet, clock: () => performance.now(),
      onAck: ({ type, name, version }) => this.#accepted.set(`${type} ${name}`, version),
      onNack: ({ name, message }) => this.nacks.push(`${name}: ${message}`),
    });
    const bootstrap = buildBootstrap({ node: { id: "golden", cluster: "golden" }, xds: { kind: "tcp", address, port: this.#server.port }, admin: { kind: "unix", path: join(tmpdir(), `golden-${process.pid}.sock`) } });
    this.#envoy = startEnvoy({ binary, bootstrap: JSON.parse(bootstrapJson(bootstrap)) as unknown, concurrency: 1, onLine: (line) => this.lines.push(line), onUnexpectedExit: (code) => this.nacks.push(`Envoy ended: ${code} ${this.lines.slice(-5).join("\n")}`) });
  }

  async close(): Promise<void> {
    await this.#envoy?.stop();
    await this.#server?.close();
    await Promise.all([...this.#backends.values()].map((backend) => backend.close()));
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

/** What is wrong with an answer; undefined when it is as the story says. */
function difference(wanted: StoryRequest, answer: Answer): string | undefined {
  const lower = (headers: Readonly<Record<string, unknown>> | undefined, names: Readonly<Record<string, string>> | undefined): Readonly<Record<string, unknown>> => Object.fromEntries(Object.keys(names ?? {}).map((name) => [name, headers?.[name]]));
  const shape = {
    status: answer.status,
    ...(wanted.backend === undefined ? {} : { backend: answer.echo?.backend }),
    ...(wanted.path === undefined ? {} : { path: answer.echo?.url }),
    ...(wanted.location === undefined ? {} : { location: answer.headers.location }),
    ...(wanted.received === undefined ? {} : { received: lower(answer.echo?.headers, wanted.received) }),
    ...(wanted.answered === undefined ? {} : { answered: lower(answer.headers, wanted.answered) }),
    ...(wanted.certificate === undefined ? {} : { certificate: answer.certificate }),
  };
  const { status, path, location, received, answered, certificate } = wanted;
  const backend = typeof wanted.backend === "object" ? wanted.backend.find((one) => one === answer.echo?.backend) : wanted.backend;
  const expected = JSON.parse(JSON.stringify({ status, backend, path, location, received, answered, certificate })) as object;
  try {
    assert.deepEqual(JSON.parse(JSON.stringify(shape)), expected);
    return undefined;
  } catch (error) {
    return `${wanted.url}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

describe("on a real Envoy", () => {
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());
  for (const story of readStories()) {
    it(story.name, async () => {
      const remove = await stage.play(readFiles([manifestsOf(story)]).objects);
      try {
        assert.deepEqual(stage.nacks, []);
        for (const request of story.requests) {
          // A listener that was taken accepts connections a moment later.
          let last: string | undefined = "no answer";
          await waitFor(async () => (last = await stage.send(request).then((answer) => difference(request, answer), String)) === undefined, { what: request.url, intervalMs: 10, timeoutMs: 3000 }).catch(() => assert.fail(last ?? ""));
        }
      } finally {
        remove();
      }
    });
  }
  it("every story about traffic sends a request", () => {
    const silent = readStories().filter((story) => story.requests.length === 0 && !readFileSync(join(story.folder, "messages.txt"), "utf8").includes("error: "));
    assert.deepEqual(silent.map(({ name }) => name), []);
  });
});
