import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import type { Service } from "#gen/k8s/service";
import type { KubeObject } from "#k8s/object";
import { startAuthorization, startHttpAuthorization } from "../peers/authorization.ts";
import type { Asked } from "../peers/authorization.ts";
import { startEcho } from "../peers/echo.ts";
import { startGrpcEcho } from "../peers/grpc.ts";
import type { Peer } from "../peers/listen.ts";
import { startRateLimit } from "../peers/rate-limit.ts";
import { startCollector } from "../peers/collector.ts";
import { startTcpEcho } from "../peers/tcp-echo.ts";
import { startKeyServer } from "../peers/tokens.ts";
import { startUdpEcho } from "../peers/udp-echo.ts";
import { makeWorkloadIdentity } from "../peers/workload.ts";

/** The annotation by which an EndpointSlice of a story says what answers there; an HTTP/1.1 echo where it says nothing. */
export const peerAnnotation = "golden/peer";

/** The annotation by which several EndpointSlices of one Service have servers of their own. */
const instanceAnnotation = "golden/instance";

function counter(name: string, asked: Asked): () => void {
  return () => void asked.times.set(name, (asked.times.get(name) ?? 0) + 1);
}

/** What can stand behind a Service. */
const starters: Readonly<Record<string, (name: string, asked: Asked) => Promise<Peer>>> = {
  echo: (name) => startEcho(name),
  counting: (name, asked) => startEcho(name, "http/1.1", counter(name, asked)),
  "counting-h2c": (name, asked) => startEcho(name, "h2c", counter(name, asked)),
  h2c: (name) => startEcho(name, "h2c"),
  h2: (name) => startEcho(name, "h2"),
  tls: (name) => startEcho(name, "tls"),
  workload: async (name) => startEcho(name, "tls", () => undefined, await makeWorkloadIdentity("spiffe://golden/backend")),
  grpc: () => startGrpcEcho(),
  tcp: (name) => startTcpEcho(name, false),
  "tcp-tls": (name) => startTcpEcho(name, true),
  udp: (name) => startUdpEcho(name),
  authorization: (name, asked) => startAuthorization(name, false, asked),
  "authorization-tls": (name, asked) => startAuthorization(name, true, asked),
  "http-authorization": (name, asked) => startHttpAuthorization(name, asked),
  "rate-limit": () => startRateLimit(),
  collector: (_name, asked) => startCollector(asked),
  keys: () => startKeyServer(false),
  "keys-tls": () => startKeyServer(true),
  nobody: async () => ({ port: 1, close: async () => undefined }),
};

/** The peers whose addresses stories write down. */
const named: Readonly<Record<string, string>> = { "127.0.0.1:9601": "keys", "127.0.0.1:9602": "keys-tls" };

/** Real servers for the EndpointSlices of stories, each started once. */
export class StageBackends {
  readonly asked: Asked = { times: new Map() };
  readonly #peers = new Map<string, Promise<Peer>>();

  /** The object with addresses that answer, also where other objects than EndpointSlices name one. */
  async real(object: KubeObject): Promise<KubeObject> {
    if (object.kind === "EndpointSlice") return this.#realSlice(object as EndpointSlice);
    if (object.kind === "Service" && object.metadata.annotations?.[peerAnnotation] !== undefined) return this.#realService(object as Service);
    const text = JSON.stringify(object);
    const wanted = Object.entries(named).filter(([address]) => text.includes(address));
    const ports = await Promise.all(wanted.map(async ([address, kind]) => [address, (await this.#peer(kind, kind)).port] as const));
    return ports.length === 0 ? object : (JSON.parse(ports.reduce((filled, [address, port]) => filled.replaceAll(address, `127.0.0.1:${port}`), text)) as KubeObject);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#peers.values()].map(async (peer) => (await peer).close()));
  }

  #peer(kind: string, name: string): Promise<Peer> {
    const key = `${kind} ${name}`;
    const start = starters[kind];
    if (start === undefined) throw new Error(`no peer is called ${kind}; there are ${Object.keys(starters).join(", ")}`);
    const known = this.#peers.get(key) ?? start(name, this.asked);
    this.#peers.set(key, known);
    return known;
  }

  /** A Service whose cluster IP answers: what names its port must do so by name. */
  async #realService(service: Service): Promise<Service> {
    const { annotations = {}, namespace, name } = service.metadata;
    const peer = await this.#peer(annotations[peerAnnotation] ?? "echo", `${namespace}/${name}#cluster-ip`);
    return { ...service, spec: { ...service.spec, clusterIP: "127.0.0.1", clusterIPs: ["127.0.0.1"], ports: (service.spec?.ports ?? []).map((port) => ({ ...port, port: peer.port })) } };
  }

  async #realSlice(slice: EndpointSlice): Promise<EndpointSlice> {
    const ready = slice.endpoints?.some((endpoint) => endpoint.conditions?.ready !== false) ?? false;
    if (!ready) return slice;
    const instance = slice.metadata.annotations?.[instanceAnnotation];
    const name = `${slice.metadata.namespace}/${slice.metadata.labels?.["kubernetes.io/service-name"]}${instance === undefined ? "" : `#${instance}`}`;
    // Kinds by the name of the port, where one Service has several: `web=echo,health=nobody`.
    const kinds = slice.metadata.annotations?.[peerAnnotation] ?? "echo";
    const byPort = new Map(kinds.includes("=") ? kinds.split(",").map((entry) => entry.split("=") as [string, string]) : []);
    const ports = await Promise.all((slice.ports ?? []).map(async (port) => ({ ...port, port: (await this.#peer(byPort.get(port.name ?? "") ?? (byPort.size > 0 ? "echo" : kinds), name)).port })));
    const hints = slice.endpoints?.[0]?.hints;
    return { ...slice, endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true }, ...(hints === undefined ? {} : { hints }) }], ports };
  }
}
