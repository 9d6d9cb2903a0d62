import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { Any } from "#gen/envoy/google/protobuf/any";
import { Cluster } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignment } from "#gen/envoy/envoy/config/endpoint/v3/endpoint";
import { Listener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { ScopedRouteConfiguration } from "#gen/envoy/envoy/config/route/v3/scoped_route";
import { CommonTlsContext, DownstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { Secret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "#gen/envoy/envoy/service/discovery/v3/discovery";
import { waitFor } from "../test/bed/wait.ts";
import { createMirror } from "./mirror.ts";
import { connectXds } from "./xds-client.ts";

const tls = DownstreamTlsContext.fromPartial({ commonTlsContext: CommonTlsContext.fromPartial({ tlsCertificateSdsSecretConfigs: [{ name: "bench/cert" }] }) });

const world: Readonly<Record<string, readonly [name: string, body: Uint8Array]>> = {
  [Cluster.$type]: ["c", Cluster.encode(Cluster.fromPartial({ name: "c", edsClusterConfig: { serviceName: "bench/item" } })).finish()],
  [ClusterLoadAssignment.$type]: [
    "bench/item",
    ClusterLoadAssignment.encode(
      ClusterLoadAssignment.fromPartial({
        clusterName: "bench/item",
        endpoints: [{ lbEndpoints: [{ hostIdentifier: { $case: "endpoint", value: { address: { address: { $case: "socketAddress", value: { address: "10.1.2.3" } } } } } }] }],
      }),
    ).finish(),
  ],
  [Listener.$type]: [
    "https",
    Listener.encode(
      Listener.fromPartial({
        name: "https",
        filterChains: [{ transportSocket: { name: "tls", configType: { $case: "typedConfig", value: Any.fromPartial({ typeUrl: "x", value: DownstreamTlsContext.encode(tls).finish() as Buffer }) } } }],
      }),
    ).finish(),
  ],
  [ScopedRouteConfiguration.$type]: [
    "https/a.example.com",
    ScopedRouteConfiguration.encode(
      ScopedRouteConfiguration.fromPartial({
        name: "https/a.example.com",
        routeConfiguration: {
          virtualHosts: [{ name: "a", domains: ["a.example.com"], routes: [{ action: { $case: "route", value: { clusterSpecifier: { $case: "cluster", value: "c" } } } }] }],
        },
      }),
    ).finish(),
  ],
  [Secret.$type]: ["bench/cert", Secret.encode(Secret.fromPartial({ name: "bench/cert" })).finish()],
};

const requests: DeltaDiscoveryRequest[] = [];
let server: grpc.Server;
let address = "";

function answer(call: grpc.ServerDuplexStream<DeltaDiscoveryRequest, Uint8Array>, request: DeltaDiscoveryRequest): void {
  requests.push(request);
  const [name, body] = world[request.typeUrl.replace("type.googleapis.com/", "")] ?? [];
  if (request.responseNonce !== "" || name === undefined || body === undefined) return;
  const resource = { name, version: "1", resource: Any.fromPartial({ typeUrl: request.typeUrl, value: body as Buffer }) };
  call.write(DeltaDiscoveryResponse.encode(DeltaDiscoveryResponse.fromPartial({ typeUrl: request.typeUrl, nonce: `n-${request.typeUrl}`, resources: [resource] })).finish());
}

before(async () => {
  server = new grpc.Server();
  const definition = {
    DeltaAggregatedResources: {
      path: "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
      requestStream: true, responseStream: true,
      requestSerialize: (value: DeltaDiscoveryRequest) => Buffer.from(DeltaDiscoveryRequest.encode(value).finish()),
      requestDeserialize: (bytes: Buffer) => DeltaDiscoveryRequest.decode(bytes),
      responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  };
  const handle = (call: grpc.ServerDuplexStream<DeltaDiscoveryRequest, Uint8Array>): void => {
    call.on("data", (request: DeltaDiscoveryRequest) => answer(call, request)).on("error", () => undefined);
  };
  server.addService(definition, { DeltaAggregatedResources: handle });
  const port = await new Promise<number>((resolve, reject) => server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))));
  address = `127.0.0.1:${port}`;
});

after(() => server.forceShutdown());

it("follows clusters to endpoints and listeners to certificates, and tells when a host is complete", async () => {
  const client = await connectXds(address, 5000);
  const mirror = createMirror(client);
  const expected = [{ host: "a.example.com", tls: true, addresses: ["10.1.2.3"] }];
  assert.deepEqual(mirror.missing(expected), ["a.example.com: no route"]);
  await waitFor(() => mirror.missing(expected).length === 0, { what: "everything came" });
  await waitFor(() => requests.filter(({ responseNonce }) => responseNonce !== "").length === 5, { what: "every answer is acknowledged" });
  assert.equal(client.traffic().messages, 5);
  assert.deepEqual(mirror.missing([{ host: "b.example.com", tls: false, addresses: [] }]), ["b.example.com: no route"]);
  client.close();
});
