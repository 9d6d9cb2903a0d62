import { connect } from "node:tls";
import { X509Certificate } from "node:crypto";
import type { ApiServer, ApiServerOptions } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import { freePorts } from "../bed/free-port.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { startPebble } from "../bed/pebble.ts";
import type { Pebble, PebbleOptions } from "../bed/pebble.ts";
import { waitFor } from "../bed/wait.ts";
import { findEnvoy, startEnvoy } from "../xds/real-envoy.ts";
import type { RealEnvoy } from "../xds/real-envoy.ts";
import { contourCrds, gatewayCrds, startController } from "./serving.ts";

/** The host, certificate and chain that a client meets. */
export interface Met {
  readonly certificate: X509Certificate;
  readonly status: number;
}

type Controller = Awaited<ReturnType<typeof startController>>;

/** A real API server, ACME server and Envoy, with `contour serve` between them. */
export interface AcmeWorld {
  readonly api: ApiServer;
  readonly pebble: Pebble;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** The replicas that run; the first one has the Envoy. */
  readonly controllers: readonly Controller[];
  envoy(): RealEnvoy;
  startReplica(...more: readonly string[]): Promise<Controller>;
  issuer(name: string, acme?: object, spec?: object): TestObject;
  /** The certificate that Envoy shows for a host, checked against the server's root. */
  meet(host: string, port?: number): Promise<Met>;
  certificateOf(namespace: string, name: string): Promise<X509Certificate | undefined>;
  stop(): Promise<void>;
}

const lease = ["--leader-election-lease-duration", "3s", "--leader-election-renew-deadline", "2s", "--leader-election-retry-period", "300ms"];

/** What else may be chosen about a world. */
export interface WorldOptions {
  /** Of the controllers. */
  readonly flags?: readonly string[];
  readonly apiServer?: ApiServerOptions;
  /** Where Envoy serves Ingresses and HTTPProxies, if not where the ACME server looks: Gateways cannot have the same ports. */
  readonly ingressPorts?: readonly [http: number, https: number];
  /** Makes the API server ready, and gives the credentials of the controllers. */
  readonly prepare?: (api: ApiServer) => Promise<Pick<ApiServer, "kubeconfigPath" | "folder">>;
}

/** Starts all of it. */
export async function startAcmeWorld(pebbleOptions: Omit<PebbleOptions, "httpPort" | "tlsPort"> = {}, options: WorldOptions = {}): Promise<AcmeWorld> {
  const [httpPort = 0, httpsPort = 0] = await freePorts(2);
  const pebble = await startPebble({ httpPort, tlsPort: httpsPort, ...pebbleOptions });
  const api = await startApiServer(options.apiServer).catch(async (error: unknown) => (await pebble.stop(), Promise.reject(error)));
  return fill(api, pebble, httpPort, httpsPort, options).catch(async (error: unknown) => (await pebble.stop(), await api.stop(), Promise.reject(error)));
}

async function fill(api: ApiServer, pebble: Pebble, httpPort: number, httpsPort: number, { flags = [], ingressPorts: [ingressHttp, ingressHttps] = [httpPort, httpsPort], prepare = async () => api }: WorldOptions): Promise<AcmeWorld> {
  await api.apply([...contourCrds(), ...gatewayCrds(), ...["projectcontour", "shop", "other"].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }))]);
  await api.apply(["shop", "other"].flatMap((namespace): readonly TestObject[] => [
    { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace }, spec: { ports: [{ port: 80 }] } },
  ]));
  const access = await prepare(api);
  const controllers: Controller[] = [];
  const startReplica = async (...more: readonly string[]): Promise<Controller> => {
    const controller = await startController(access, ...lease, "--envoy-service-http-address", "127.0.0.1", "--envoy-service-http-port", String(ingressHttp), "--envoy-service-https-address", "127.0.0.1", "--envoy-service-https-port", String(ingressHttps), ...flags, ...more);
    controllers.push(controller);
    return controller;
  };
  const first = await startReplica();
  const envoy = await startEnvoy(await findEnvoy(), { kind: "tcp", address: "127.0.0.1", port: first.xdsPort });
  const certificateOf = async (namespace: string, name: string): Promise<X509Certificate | undefined> => {
    const { status, body } = await api.request("GET", `/api/v1/namespaces/${namespace}/secrets/${name}`);
    const encoded = (body as { readonly data?: Readonly<Record<string, string>> }).data?.["tls.crt"];
    return status === 200 && encoded !== undefined ? new X509Certificate(Buffer.from(encoded, "base64")) : undefined;
  };
  return {
    api, pebble, httpPort, httpsPort, controllers, startReplica, certificateOf,
    envoy: () => envoy,
    issuer: (name, acme = {}, spec = {}) => ({ apiVersion: "projectcontour.io/v1alpha1", kind: "ClusterCertificateIssuer", metadata: { name }, spec: { acme: { server: pebble.directory, caBundle: pebble.caBundle, contacts: ["mailto:admin@example.com"], limits: { firstRetrySeconds: 2, longestRetrySeconds: 4, ordersPerHour: 10_000 }, ...acme }, ...spec } }),
    meet: async (host, port = httpsPort) => meetHost(host, port, await pebble.root()),
    stop: async () => {
      await Promise.all(controllers.map(({ process }) => process.stop()));
      await envoy.stop();
      await pebble.stop();
      await api.stop();
    },
  };
}

/** Speaks TLS and HTTP with Envoy; fails unless the certificate leads to this root and is for the host. */
export function meetHost(host: string, port: number, root: string): Promise<Met> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername: host, ca: root, ALPNProtocols: ["http/1.1"] }, () => socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`));
    let text = "";
    const certificate = (): X509Certificate => new X509Certificate(socket.getPeerCertificate().raw);
    let seen: X509Certificate | undefined;
    socket.on("secureConnect", () => (seen = certificate()));
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("end", () => (seen === undefined ? reject(new Error("no certificate")) : resolve({ certificate: seen, status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0) })));
    socket.on("error", reject);
    socket.setTimeout(5000, () => socket.destroy(new Error("no answer")));
  });
}

/** Waits until Envoy serves a host with a certificate of the ACME server. */
export async function untilServed(world: AcmeWorld, host: string, fits: (met: Met) => boolean = ({ status }) => status > 0, timeoutMs = 30_000): Promise<Met> {
  const controller = world.controllers.at(-1);
  return waitFor(async () => {
    const met = await world.meet(host);
    return fits(met) ? met : undefined;
  }, { what: `${host} is served with a certificate`, timeoutMs }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${controller?.process.logTail()}\n${world.pebble.log()}`);
  });
}

/** An HTTPProxy that asks for a certificate. */
export function proxyWithIssuer(name: string, host: string, { namespace = "shop", issuer = "ca", virtualhost = {}, tls = {} }: { readonly namespace?: string; readonly issuer?: string; readonly virtualhost?: object; readonly tls?: object } = {}): TestObject {
  return { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace }, spec: { virtualhost: { fqdn: host, tls: { secretName: `${name}-tls`, issuer: { name: issuer }, ...tls }, ...virtualhost }, routes: [{ directResponsePolicy: { statusCode: 200, body: "served" } }] } };
}
