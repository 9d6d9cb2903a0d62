import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encode, typedConfig } from "#envoy/any";
import { ads } from "#envoy/config-source";
import { toCanonicalJson } from "#envoy/json";
import { overOwnStreams } from "#envoy/own-streams";
import { Cluster, Cluster_DiscoveryType } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { Listener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { HttpConnectionManager } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { DownstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";

const sotw = { apiConfigSource: { apiType: "GRPC", transportApiVersion: "V3", grpcServices: [{ envoyGrpc: { clusterName: "contour", authority: "contour" } }] }, resourceApiVersion: "V3" };

describe("resources for an Envoy with a stream for each type", () => {
  it("say of endpoints that they come over a stream of their own, in the mode of the others", () => {
    const bytes = encode(Cluster, { name: "d/web/80", clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.EDS }, edsClusterConfig: { edsConfig: ads, serviceName: "d/web" } });
    const json = (mode: "delta" | "sotw"): unknown => toCanonicalJson(Cluster.$type, overOwnStreams(Cluster.$type, bytes, mode) ?? bytes);
    assert.deepEqual(json("sotw"), { name: "d/web/80", type: "EDS", edsClusterConfig: { edsConfig: sotw, serviceName: "d/web" } });
    assert.match(JSON.stringify(json("delta")), /"DELTA_GRPC"/);
  });

  it("say it of scopes, routes and certificates as well, however deep they are", () => {
    const manager = HttpConnectionManager.fromPartial({ statPrefix: "a", routeSpecifier: { $case: "scopedRoutes", value: { name: "s", rdsConfigSource: ads, configSpecifier: { $case: "scopedRds", value: { scopedRdsConfigSource: ads } } } } });
    const tls = DownstreamTlsContext.fromPartial({ commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: "d/cert", sdsConfig: ads }] } });
    const bytes = encode(Listener, { name: "l", filterChains: [{ filters: [{ name: "h", configType: typedConfig(HttpConnectionManager, manager) }], transportSocket: { name: "tls", configType: typedConfig(DownstreamTlsContext, tls) } }] });
    const text = JSON.stringify(toCanonicalJson(Listener.$type, overOwnStreams(Listener.$type, bytes, "sotw") ?? bytes));
    assert.equal(text.includes('"ads"'), false);
    assert.equal(text.split('"apiConfigSource"').length - 1, 3);
  });

  it("are the same where they name no source", () => {
    assert.equal(overOwnStreams(Listener.$type, encode(Listener, { name: "l" }), "sotw"), undefined);
  });
});
