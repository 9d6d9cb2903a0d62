// floor.ts: no controller, but what is left of one when every object simply becomes one resource: list, watch, encode, send.
// No validation, no conflicts, no references, no status. It marks what no controller in Node can be faster than.
// Takes the flags of `contour serve` that the benchmark gives, and ignores the others.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import * as grpc from "@grpc/grpc-js";
import { Any } from "#gen/envoy/google/protobuf/any";
import { Cluster } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignment } from "#gen/envoy/envoy/config/endpoint/v3/endpoint";
import { Listener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { ScopedRouteConfiguration } from "#gen/envoy/envoy/config/route/v3/scoped_route";
import { DownstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { Secret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "#gen/envoy/envoy/service/discovery/v3/discovery";
import { createKubeClient, type KubeClient } from "../test/bed/kube-client.ts";
import type { endpointSlice, httpProxy } from "./load.ts";

interface Resource {
  readonly type: string;
  readonly name: string;
  readonly body: Uint8Array | undefined;
}

interface Stored {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
}

type Proxy = ReturnType<typeof httpProxy> & { readonly spec: { readonly virtualhost: { readonly fqdn: string }; readonly routes: readonly [{ readonly conditions: readonly [{ readonly prefix: string }] }] } };
type Slice = ReturnType<typeof endpointSlice> & { readonly endpoints: readonly { readonly addresses: readonly [string] }[] };

function scope({ metadata: { name }, spec }: Proxy): Uint8Array {
  const [{ conditions: [{ prefix }] }] = spec.routes;
  const route = { match: { pathSpecifier: { $case: "prefix" as const, value: prefix } }, action: { $case: "route" as const, value: { clusterSpecifier: { $case: "cluster" as const, value: name } } } };
  const virtualHosts = [{ name, domains: [spec.virtualhost.fqdn], routes: [route] }];
  return ScopedRouteConfiguration.encode(ScopedRouteConfiguration.fromPartial({ name, routeConfiguration: { name, virtualHosts } })).finish();
}

function assignment({ metadata: { name }, endpoints }: Slice): Uint8Array {
  const lbEndpoints = endpoints.map(({ addresses: [address] }) => ({
    hostIdentifier: { $case: "endpoint" as const, value: { address: { address: { $case: "socketAddress" as const, value: { address, portSpecifier: { $case: "portValue" as const, value: 8080 } } } } } },
  }));
  return ClusterLoadAssignment.encode(ClusterLoadAssignment.fromPartial({ clusterName: name, endpoints: [{ lbEndpoints }] })).finish();
}

function listener(secrets: readonly string[]): Uint8Array {
  const context = DownstreamTlsContext.fromPartial({ commonTlsContext: { tlsCertificateSdsSecretConfigs: secrets.map((name) => ({ name })) } });
  const typedConfig = Any.fromPartial({ typeUrl: `type.googleapis.com/${DownstreamTlsContext.$type}`, value: Buffer.from(DownstreamTlsContext.encode(context).finish()) });
  return Listener.encode(Listener.fromPartial({ name: "https", filterChains: [{ transportSocket: { name: "tls", configType: { $case: "typedConfig", value: typedConfig } } }] })).finish();
}

const kinds: readonly { readonly path: string; readonly type: string; readonly encode: (object: Stored) => Uint8Array }[] = [
  { path: "/apis/projectcontour.io/v1/httpproxies", type: ScopedRouteConfiguration.$type, encode: (object) => scope(object as Proxy) },
  { path: "/apis/discovery.k8s.io/v1/namespaces/bench/endpointslices", type: ClusterLoadAssignment.$type, encode: (object) => assignment(object as Slice) },
  { path: "/api/v1/namespaces/bench/services", type: Cluster.$type, encode: ({ metadata: { name } }) => Cluster.encode(Cluster.fromPartial({ name, edsClusterConfig: { serviceName: name } })).finish() },
  { path: "/api/v1/namespaces/bench/secrets", type: Secret.$type, encode: ({ metadata: { name } }) => Secret.encode(Secret.fromPartial({ name })).finish() },
];

const world = new Map<string, Map<string, Uint8Array>>();
const streams = new Set<Stream>();

function set({ type, name, body }: Resource): void {
  const all = world.get(type) ?? new Map<string, Uint8Array>();
  world.set(type, all);
  if (body === undefined) all.delete(name);
  else all.set(name, body);
  for (const stream of streams) if (stream.wants(type, name)) stream.send(type, [{ type, name, body }]);
}

let nonces = 0;

class Stream {
  readonly #call: grpc.ServerDuplexStream<DeltaDiscoveryRequest, Uint8Array>;
  readonly #subscribed = new Map<string, Set<string> | "all">();

  constructor(call: grpc.ServerDuplexStream<DeltaDiscoveryRequest, Uint8Array>) {
    this.#call = call;
  }

  wants(type: string, name: string): boolean {
    const subscribed = this.#subscribed.get(type);
    return subscribed === "all" || subscribed?.has(name) === true;
  }

  hear(request: DeltaDiscoveryRequest): void {
    const type = request.typeUrl.replace("type.googleapis.com/", "");
    const known = this.#subscribed.get(type);
    if (request.responseNonce !== "" && request.resourceNamesSubscribe.length === 0) return;
    if (request.resourceNamesSubscribe.length === 0) this.#subscribed.set(type, "all");
    else if (known !== "all") this.#subscribed.set(type, new Set([...(known ?? []), ...request.resourceNamesSubscribe]));
    const all = world.get(type) ?? new Map<string, Uint8Array>();
    const names = request.resourceNamesSubscribe.length === 0 ? [...all.keys()] : request.resourceNamesSubscribe;
    this.send(type, names.map((name) => ({ type, name, body: all.get(name) })));
  }

  send(type: string, resources: readonly Resource[]): void {
    const typeUrl = `type.googleapis.com/${type}`;
    const present = resources.flatMap(({ name, body }) => (body === undefined ? [] : { name, version: "1", resource: { $type: Any.$type, typeUrl, value: body as Buffer } }));
    const removedResources = resources.flatMap(({ name, body }) => (body === undefined ? name : []));
    nonces += 1;
    this.#call.write(DeltaDiscoveryResponse.encode(DeltaDiscoveryResponse.fromPartial({ typeUrl, nonce: String(nonces), resources: present, removedResources })).finish());
  }
}

async function follow(client: KubeClient, { path, type, encode }: (typeof kinds)[number]): Promise<() => Promise<void>> {
  const { metadata, items } = await client.get<{ readonly metadata: { readonly resourceVersion: string }; readonly items: readonly Stored[] }>(path);
  for (const item of items) set({ type, name: item.metadata.name, body: encode(item) });
  return async () =>
    await client.watch(`${path}?watch=1&resourceVersion=${metadata.resourceVersion}`, ({ type: event, object }) => {
      if (event !== "BOOKMARK" && event !== "ERROR") set({ type, name: object.metadata.name, body: event === "DELETED" ? undefined : encode(object) });
    }, new AbortController().signal);
}

function serve(port: number): void {
  const server = new grpc.Server();
  const method = {
    path: "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", requestStream: true, responseStream: true,
    requestSerialize: (value: DeltaDiscoveryRequest) => Buffer.from(DeltaDiscoveryRequest.encode(value).finish()),
    requestDeserialize: (bytes: Buffer) => DeltaDiscoveryRequest.decode(bytes),
    responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    responseDeserialize: (bytes: Buffer) => bytes,
  } as const;
  const handle = (call: grpc.ServerDuplexStream<DeltaDiscoveryRequest, Uint8Array>): void => {
    const stream = new Stream(call);
    streams.add(stream);
    call.on("data", (request: DeltaDiscoveryRequest) => stream.hear(request));
    call.on("error", () => undefined).on("close", () => streams.delete(stream));
  };
  server.addService({ DeltaAggregatedResources: method }, { DeltaAggregatedResources: handle });
  server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), () => undefined);
}

function connect(kubeconfigPath: string): KubeClient {
  interface Config {
    readonly clusters: readonly [{ readonly cluster: { readonly server: string; readonly "certificate-authority-data": string } }];
    readonly users: readonly [{ readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string } }];
  }
  const { clusters: [{ cluster }], users: [{ user }] } = JSON.parse(readFileSync(kubeconfigPath, "utf8")) as Config;
  const text = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");
  return createKubeClient({ url: cluster.server, ca: text(cluster["certificate-authority-data"]), certificate: text(user["client-certificate-data"]), key: text(user["client-key-data"]) });
}

const { values } = parseArgs({ options: { kubeconfig: { type: "string" }, "xds-port": { type: "string" } }, strict: false, allowPositionals: true });
const client = connect(String(values["kubeconfig"]));
const watches = await Promise.all(kinds.map((kind) => follow(client, kind)));
set({ type: Listener.$type, name: "https", body: listener([...(world.get(Secret.$type)?.keys() ?? [])]) });
serve(Number(values["xds-port"]));
await Promise.all(watches.map((watch) => watch()));
