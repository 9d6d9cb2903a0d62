import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { ApiServer, ApiServerOptions } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import { freePort, freePorts } from "../bed/free-port.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { contourCrds, page, startController, untilStatus } from "../kubernetes/serving.ts";
import type { ControllerAccess, Serving } from "../kubernetes/serving.ts";
import { findEnvoy, startEnvoy } from "../xds/real-envoy.ts";
import type { RealEnvoy } from "../xds/real-envoy.ts";
import type { XdsUpstream } from "#envoy/bootstrap-cluster";
import { startBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";

/** A controller process; xDS clients of the world reach it over a balancer. */
export type Replica = Pick<Serving, "process" | "httpPort" | "xdsPort" | "debugPort">;

/** A Lease that is over soon, for tests of who leads: its times (ms), and the flags that say so. */
export const shortLease = { leaseMs: 3000, retryMs: 300, flags: ["--leader-election-lease-duration", "3s", "--leader-election-renew-deadline", "2s", "--leader-election-retry-period", "300ms"] } as const;

/** The namespace of everything that a world serves. */
export const namespace = "default";

/** How many hosts a world has. */
export const hostCount = 20;

/** The host number `i`. */
export function hostOf(i: number): string {
  return `host-${i}.example.com`;
}

/** All hosts of a world. */
export const hosts: readonly string[] = Array.from({ length: hostCount }, (_, i) => hostOf(i));

/** An HTTPProxy number `i`; `more` goes into its only route. */
export function proxyOf(i: number, more: object = {}): TestObject {
  return { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: `host-${i}`, namespace }, spec: { virtualhost: { fqdn: hostOf(i) }, routes: [{ services: [{ name: "web", port: 80 }], ...more }] } };
}

/** The EndpointSlice of the one Service, at these ports of this machine. */
export function sliceOf(...ports: readonly number[]): readonly TestObject[] {
  return slicesOf("web", ports);
}

/** The EndpointSlices of a Service. */
export function slicesOf(service: string, ports: readonly number[]): readonly TestObject[] {
  return ports.map((port, i) => ({
    apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: `${service}-${i}`, namespace, labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4", ports: [{ name: "", port, protocol: "TCP" }], endpoints: [{ addresses: [machineAddress()], conditions: { ready: true } }],
  }));
}

/** An address of this machine that an EndpointSlice may name: loopback ones are refused. */
export function machineAddress(): string {
  const found = Object.values(networkInterfaces()).flat().find((address) => address !== undefined && !address.internal && address.family === "IPv4");
  if (found === undefined) throw new Error("this machine has no IPv4 address but loopback, and an EndpointSlice cannot name that one");
  return found.address;
}

/** A server that answers every request with 200 and its name. */
export async function startBackend(name: string): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((_, response) => void response.end(name));
  server.keepAliveTimeout = 300_000;
  server.listen(0, machineAddress());
  await once(server, "listening");
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

/** A real API server, backends, controllers behind a balancer, and real Envoys: what faults are done to. */
export class World {
  readonly api: ApiServer;
  readonly balancer: Balancer;
  readonly backends: readonly { readonly port: number; close(): void }[];
  /** Where Envoys listen for HTTP. Several share the port: the kernel spreads connections, and gives new ones to who is left. */
  readonly httpPort: number;
  readonly statsPort: number;
  readonly replicas: Replica[] = [];
  readonly envoys: RealEnvoy[] = [];
  readonly #flags: readonly string[];

  private constructor(api: ApiServer, balancer: Balancer, backends: World["backends"], ports: readonly number[]) {
    const [httpPort = 0, httpsPort = 0, statsPort = 0] = ports;
    this.api = api;
    this.balancer = balancer;
    this.backends = backends;
    this.httpPort = httpPort;
    this.statsPort = statsPort;
    this.#flags = ["--envoy-service-http-address", "127.0.0.1", "--envoy-service-http-port", String(httpPort), "--envoy-service-https-address", "127.0.0.1", "--envoy-service-https-port", String(httpsPort), "--stats-address", "127.0.0.1", "--stats-port", String(statsPort), "--envoy-http-access-log", "/dev/null"];
  }

  /** Starts an API server with the objects of a world. */
  static async open(options: ApiServerOptions = {}): Promise<World> {
    const api = await startApiServer(options);
    const backends = [await startBackend("one"), await startBackend("two")];
    const world = new World(api, await startBalancer([]), backends, await freePorts(3));
    const service: TestObject = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace }, spec: { ports: [{ port: 80 }] } };
    await api.apply([...contourCrds(), { apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } }, service, ...sliceOf(...backends.map(({ port }) => port)), ...Array.from({ length: hostCount }, (_, i) => proxyOf(i))]);
    return world;
  }

  /** Starts a controller and puts it behind the balancer; resolves when it is ready. */
  async startReplica(...args: readonly string[]): Promise<Replica> {
    return this.startReplicaAt(this.api, ...args);
  }

  /** The same with other credentials, or over another way. */
  async startReplicaAt(access: ControllerAccess, ...args: readonly string[]): Promise<Replica> {
    const replica = await startController(access, ...this.#flags, ...args);
    this.replicas.push(replica);
    await this.untilReady(replica);
    this.balancer.setTargets(this.replicas.map(({ xdsPort }) => xdsPort));
    return replica;
  }

  /** Kills a controller: it does nothing more, not even close what is open in an orderly way. */
  async killReplica(replica: Replica): Promise<void> {
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    this.balancer.setTargets(this.replicas.map(({ xdsPort }) => xdsPort));
    replica.process.signal("SIGKILL");
    await waitFor(() => replica.process.exited(), { what: "the controller is gone", intervalMs: 5 });
  }

  /** Starts an Envoy; resolves when it serves every host. */
  async startEnvoy(xds: XdsUpstream = { kind: "tcp", address: "127.0.0.1", port: this.balancer.port }): Promise<RealEnvoy> {
    const envoy = await startEnvoy(await findEnvoy(), xds, "delta", await freePort());
    this.envoys.push(envoy);
    await waitFor(async () => (await envoy.stat("http.ingress_http.downstream_cx_active")) >= 0 && (await this.status(hostOf(hostCount - 1))) === 200, { what: "Envoy serves", intervalMs: 20 });
    return envoy;
  }

  /** Kills an Envoy with everything that it was doing. */
  async killEnvoy(envoy: RealEnvoy): Promise<void> {
    this.envoys.splice(this.envoys.indexOf(envoy), 1);
    await envoy.stop();
  }

  async untilReady(replica: Replica): Promise<void> {
    await waitFor(async () => (await page(replica.httpPort, "/readyz")).status === 200, { what: `the controller is ready\n${replica.process.logTail()}`, intervalMs: 20 });
  }

  /** The status of a host through Envoy; 0 where nobody listens. */
  async status(host: string, path = "/"): Promise<number> {
    const { get } = await import("node:http");
    return new Promise((resolve) => {
      get({ host: "127.0.0.1", port: this.httpPort, path, headers: { host }, agent: false }, (answer) => answer.resume().on("end", () => resolve(answer.statusCode ?? 0))).on("error", () => resolve(0));
    });
  }

  /** Applies an HTTPProxy and waits until Envoy serves it; gives the milliseconds between. */
  async serveNewHost(i: number): Promise<number> {
    const started = performance.now();
    await this.api.apply([proxyOf(i)]);
    await waitFor(async () => (await this.status(hostOf(i))) === 200, { what: `host ${i} is served`, intervalMs: 5 });
    return Math.round(performance.now() - started);
  }

  /** Waits until the status of an HTTPProxy says something. */
  async untilProxy(i: number, wanted: "valid" | "invalid"): Promise<void> {
    await untilStatus<{ readonly currentStatus: string }>(this.api, proxyOf(i), `host ${i} is ${wanted}`, ({ currentStatus }) => currentStatus === wanted);
  }

  /** The number behind the first metric that fits, or 0. */
  async metric(replica: Replica, pattern: RegExp): Promise<number> {
    const { text } = await page(replica.httpPort, "/metrics");
    const line = text.split("\n").find((one) => pattern.test(one));
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  /** Credentials of the API server that lead over another port of this machine. */
  accessOver(port: number): Pick<ApiServer, "kubeconfigPath" | "folder"> {
    const config = JSON.parse(readFileSync(this.api.kubeconfigPath, "utf8")) as { clusters: { cluster: { server: string } }[] };
    for (const { cluster } of config.clusters) cluster.server = `https://127.0.0.1:${port}`;
    const kubeconfigPath = join(this.api.folder, `over-${port}.kubeconfig`);
    writeFileSync(kubeconfigPath, JSON.stringify(config));
    return { kubeconfigPath, folder: this.api.folder };
  }

  async close(): Promise<void> {
    await Promise.all(this.envoys.map((envoy) => envoy.stop()));
    await Promise.all(this.replicas.map(({ process }) => process.stop()));
    this.balancer.close();
    for (const backend of this.backends) backend.close();
    await this.api.stop();
  }
}
