import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { envoyWideResources } from "#app/envoy-wide";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { startEnvoy } from "#app/envoy-process";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import { logsOrigins } from "#envoy/access-log";
import { buildCluster } from "#envoy/cluster";
import { buildEndpoints } from "#envoy/endpoint";
import { buildListener } from "#envoy/listener";
import { runtimeName, scopeName, scopeResourceName, wildScopeName } from "#envoy/names";
import { buildRuntime } from "#envoy/runtime";
import { buildScope, buildWildScope } from "#envoy/scope";
import { buildSecret } from "#envoy/secret";
import type { Cluster, Endpoints } from "#model/cluster";
import type { Listener, TlsHost } from "#model/listener";
import type { VirtualHost } from "#model/route";
import type { CertificateSecret } from "#model/secret";
import type { EnvoySettings } from "#settings/envoy";
import { defaultEnvoySettings } from "#settings/envoy";
import { serveXds } from "#xds/server";
import { createResourceStore } from "#xds/store";
import { clusterType, endpointsType, listenerType, runtimeType, scopeType, secretType } from "#xds/types";
import type { ResourceUpsert } from "#xds/types";
import { freePort } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { noMetrics } from "../xds/rig.ts";

/** A model as the tests write it. */
export interface World {
  readonly listeners: readonly { readonly listener: Listener; readonly tlsHosts?: readonly TlsHost[] }[];
  readonly hosts?: readonly VirtualHost[];
  readonly clusters?: readonly Cluster[];
  readonly endpoints?: readonly Endpoints[];
  readonly secrets?: readonly CertificateSecret[];
  /** Where Envoy's own listeners are, when they are wanted. */
  readonly statics?: Pick<EnvoySettings, "stats" | "statsTls" | "adminPort" | "health" | "overloadHealth">;
}

/** A real Envoy that is told a model over xDS. */
export interface Rig {
  readonly nacks: readonly string[];
  /** Envoy's own log and access log. */
  readonly lines: readonly string[];
  readonly adminPort: number;
  /** Tells Envoy more, and waits until it has taken it. */
  apply(world: World): Promise<void>;
  stop(): Promise<void>;
}

/** Quiet settings: no access log on the test's output. */
export const testSettings: EnvoySettings = defaultEnvoySettings;

/** Encodes a model. */
export function encodeWorld(world: World, settings: EnvoySettings = testSettings): readonly ResourceUpsert[] {
  const exact = (world.hosts ?? []).filter(({ host }) => !host.startsWith("*"));
  const wild = Map.groupBy((world.hosts ?? []).filter(({ host }) => host.startsWith("*")), ({ listener }) => listener);
  return [
    ...(world.clusters ?? []).map((item): ResourceUpsert => ({ type: clusterType, name: item.name, bytes: buildCluster(item, settings) })),
    ...(world.endpoints ?? []).map((item): ResourceUpsert => ({ type: endpointsType, name: item.name, bytes: buildEndpoints(item) })),
    ...(world.secrets ?? []).map((item): ResourceUpsert => ({ type: secretType, name: item.name, bytes: buildSecret(item) })),
    ...world.listeners.map(({ listener, tlsHosts = [] }): ResourceUpsert => ({ type: listenerType, name: listener.name, bytes: buildListener(listener, { hosts: tlsHosts }, [], settings) })),
    ...(world.statics === undefined ? [] : envoyWideResources({ ...settings, ...world.statics }, world.listeners.map(({ listener }) => listener.name))),
    ...exact.map((item): ResourceUpsert => ({ type: scopeType, name: scopeResourceName(scopeName(item.listener, item.host)), bytes: buildScope(item, { settings, namesOrigins: logsOrigins(settings) }) })),
    ...[...wild].map(([name, hosts]): ResourceUpsert => ({ type: scopeType, name: scopeResourceName(wildScopeName(name)), bytes: buildWildScope(name, hosts, { settings, namesOrigins: logsOrigins(settings) }) })),
  ];
}

/** Starts Envoy and the server that it asks. */
export async function startRig(settings: EnvoySettings = testSettings): Promise<Rig> {
  const binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
  const store = createResourceStore();
  store.apply({ upserts: [{ type: runtimeType, name: runtimeName, bytes: buildRuntime(settings, []) }], removals: [] });
  const accepted = new Set<string>();
  const [nacks, lines]: [string[], string[]] = [[], []];
  const server = await serveXds({
    address: "127.0.0.1:0",
    fleetOf: () => store,
    signal: new AbortController().signal,
    log: pino({ level: "silent" }),
    metrics: noMetrics,
    clock: () => performance.now(),
    onNack: ({ name, message }) => nacks.push(`${name}: ${message}`),
    onAck: ({ type, name, version }) => accepted.add(`${type} ${name} ${version}`),
  });
  const adminPort = await freePort();
  const bootstrap = buildBootstrap({ xds: { kind: "tcp", address: "127.0.0.1", port: server.port }, admin: { kind: "tcp", address: "127.0.0.1", port: adminPort }, node: { id: "test", cluster: "test" } });
  const envoy = startEnvoy({ binary, bootstrap: JSON.parse(bootstrapJson(bootstrap)), concurrency: 1, onLine: (line) => lines.push(line), onUnexpectedExit: (code) => lines.push(`Envoy ended by itself: ${code}`) });
  return {
    nacks, lines, adminPort,
    async apply(world) {
      const upserts = encodeWorld(world, settings);
      store.apply({ upserts, removals: [] });
      const waited = upserts.filter(({ type }) => type !== endpointsType && type !== secretType);
      const missing = () => waited.filter(({ type, name }) => !accepted.has(`${type} ${name} ${store.newest(type, name)?.version}`)).map(({ name }) => name);
      await waitFor(() => {
        if (nacks.length > 0) return true;
        if (missing().length > 0) throw new Error(`not accepted: ${missing().join(", ")}; ${lines.slice(-5).join("\n")}`);
        return true;
      }, { what: "Envoy takes the model", timeoutMs: 20_000, intervalMs: 5 });
      if (nacks.length > 0) throw new Error(`refused: ${nacks.join("\n")}`);
    },
    async stop() {
      await envoy.stop();
      await server.close();
    },
  };
}

/** A backend that tells what it got, as JSON. */
export interface Backend {
  readonly port: number;
  close(): Promise<void>;
}

/** What a backend says about a request. */
export interface Echo {
  readonly backend: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Starts a backend; `answer` may do something else than tell. */
export async function startBackend(name: string, answer?: (request: IncomingMessage, response: ServerResponse) => boolean): Promise<Backend> {
  const server = createServer((request, response) => {
    if (answer?.(request, response)) return;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ backend: name, method: request.method, url: request.url, headers: request.headers }));
  });
  server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
