import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import type { XdsUpstream } from "#envoy/bootstrap-cluster";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { ads } from "#envoy/config-source";
import { typedConfig } from "#envoy/any";
import { socketAddress } from "#envoy/address";
import { Cluster, Cluster_DiscoveryType } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignment } from "#gen/envoy/envoy/config/endpoint/v3/endpoint";
import { Listener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { ScopedRouteConfiguration } from "#gen/envoy/envoy/config/route/v3/scoped_route";
import { HttpConnectionManager } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { Router } from "#gen/envoy/envoy/extensions/filters/http/router/v3/router";
import { clusterType, endpointsType, listenerType, scopeType } from "#xds/types";
import type { Mode, ResourceUpsert } from "#xds/types";

/** A real Envoy that asks a controller for everything. */
export interface RealEnvoy {
  readonly log: () => string;
  readonly adminPort: number;
  admin(path: string): Promise<string>;
  stat(name: string): Promise<number>;
  stop(): Promise<void>;
}

/** Finds the Envoy binary: undefined where there is none. */
export async function findEnvoy(): Promise<string> {
  return ensureEnvoyBinary({ env: process.env, progress: () => {} });
}

export async function startEnvoy(binary: string, xds: XdsUpstream, mode: Mode = "delta", adminPort = 0): Promise<RealEnvoy> {
  const folder = await mkdtemp(join(tmpdir(), "envoy-"));
  const bootstrap = buildBootstrap({ xds, admin: { kind: "tcp", address: "127.0.0.1", port: adminPort }, node: { id: "real", cluster: "test" } });
  const json = bootstrapJson(bootstrap);
  await writeFile(join(folder, "bootstrap.json"), mode === "delta" ? json : json.replace("DELTA_GRPC", "GRPC"));
  const args = ["-c", join(folder, "bootstrap.json"), "--admin-address-path", join(folder, "admin"), "--concurrency", "2", "--use-dynamic-base-id"];
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const address = await eventually("the admin address", async () => (await readFile(join(folder, "admin"), "utf8").catch(() => "")) || undefined);
  const port = Number(address.split(":").at(-1));
  const admin = async (path: string): Promise<string> => (await get({ port, path })).body;
  const stat = async (name: string): Promise<number> => Number((await admin(`/stats?filter=^${name}$`)).split(": ")[1] ?? Number.NaN);
  return { log: () => log, adminPort: port, admin, stat, stop: () => stop(child, folder) };
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
  await rm(folder, { recursive: true });
}

/** Asks again and again until there is an answer. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const limit = AbortSignal.timeout(20_000);
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (limit.aborted) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function get({ port, path = "/", host }: { port: number; path?: string; host?: string }): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host };
    request({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on("error", reject)
      .end();
  });
}

/** The status of a host, 0 while nothing listens. */
export async function statusOf(port: number, host: string): Promise<number> {
  return (await get({ port, host }).catch(() => ({ status: 0 }))).status;
}

export async function startBackend(): Promise<{ readonly port: number; close(): void }> {
  const server: Server = createServer((_, response) => response.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, close: () => (server.closeAllConnections(), server.close()) };
}

export function listenerAt(port: number): ResourceUpsert {
  const extractor = { name: ":authority", elementSeparator: ":", extractType: { $case: "index" as const, value: 0 } };
  const manager = {
    statPrefix: "test",
    httpFilters: [{ name: "envoy.filters.http.router", configType: typedConfig(Router, {}) }],
    routeSpecifier: {
      $case: "scopedRoutes" as const,
      value: {
        name: "scopes",
        rdsConfigSource: ads,
        scopeKeyBuilder: { fragments: [{ type: { $case: "headerValueExtractor" as const, value: extractor } }] },
        configSpecifier: { $case: "scopedRds" as const, value: { scopedRdsConfigSource: ads } },
      },
    },
  };
  const filter = { name: "envoy.filters.network.http_connection_manager", configType: typedConfig(HttpConnectionManager, manager) };
  const listener = Listener.fromPartial({ name: "http", address: socketAddress("127.0.0.1", port), filterChains: [{ filters: [filter] }] });
  return { type: listenerType, name: "http", bytes: Listener.encode(listener).finish() };
}

export function clusterOf(name: string, idleMs = 0): ResourceUpsert {
  const cluster = Cluster.fromPartial({
    name,
    clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: { ...ads, initialFetchTimeout: { seconds: 0n, nanos: 0 } } },
    connectTimeout: { seconds: 2n, nanos: idleMs * 1e6 },
  });
  return { type: clusterType, name, bytes: Cluster.encode(cluster).finish() };
}

export function endpointsOf(name: string, port: number): ResourceUpsert {
  const endpoint = { address: socketAddress("127.0.0.1", port) };
  const assignment = ClusterLoadAssignment.fromPartial({ clusterName: name, endpoints: [{ lbEndpoints: [{ hostIdentifier: { $case: "endpoint", value: endpoint } }] }] });
  return { type: endpointsType, name, bytes: ClusterLoadAssignment.encode(assignment).finish() };
}

export function scopeOf(host: string, clusterName: string, header = "1", domains = ["*"]): ResourceUpsert {
  const match = { pathSpecifier: { $case: "prefix" as const, value: "/" } };
  const route = { match, action: { $case: "route" as const, value: { clusterSpecifier: { $case: "cluster" as const, value: clusterName } } } };
  const added = { header: { key: "x-version", value: header } };
  const virtualHost = { name: host, domains, routes: [route], responseHeadersToAdd: [added] };
  const scope = ScopedRouteConfiguration.fromPartial({
    name: host,
    key: { fragments: [{ type: { $case: "stringKey", value: host } }] },
    routeConfiguration: { name: host, virtualHosts: [virtualHost], validateClusters: false },
  });
  return { type: scopeType, name: host, bytes: ScopedRouteConfiguration.encode(scope).finish() };
}

