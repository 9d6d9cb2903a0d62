import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildCluster } from "#envoy/cluster";
import { buildEndpoints } from "#envoy/endpoint";
import { buildSecret } from "#envoy/secret";
import { Cluster as EnvoyCluster } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignment } from "#gen/envoy/envoy/config/endpoint/v3/endpoint";
import { Secret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import { UpstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { Sensitive } from "#lib/sensitive";
import type { Cluster } from "#model/cluster";
import { defaultEnvoySettings } from "#settings/envoy";

const origin = { kind: "HTTPProxy", namespace: "shop", name: "web" } as const;
const base: Cluster = { name: "shop/web/80/da39a3ee5e", statName: "shop_web_80", source: { kind: "endpoints", endpoints: "shop/web" }, protocol: "http1", loadBalancing: "round-robin", connectTimeoutMs: 250, circuitBreakers: {}, origin };
const build = (more: Partial<Cluster>): EnvoyCluster => EnvoyCluster.decode(buildCluster({ ...base, ...more }, defaultEnvoySettings));

describe("a cluster", () => {
  it("has the addresses of its Service's port, and the name of Go Contour's metrics", () => {
    const cluster = build({});
    assert.deepEqual([cluster.edsClusterConfig?.serviceName, cluster.altStatName, cluster.connectTimeout], ["shop/web", "shop_web_80", { seconds: 0n, nanos: 250_000_000 }]);
    assert.equal(cluster.commonLbConfig?.healthyPanicThreshold?.value, 0);
    assert.deepEqual(cluster.circuitBreakers?.thresholds.map(({ maxRetries, trackRemaining }) => [maxRetries, trackRemaining]), [[1024, false]]);
    assert.equal(EnvoyCluster.decode(buildCluster(base, { ...defaultEnvoySettings, connectionRetries: 0 })).circuitBreakers, undefined);
  });

  it("checks a backend's certificate by authority and names", () => {
    const { transportSocket } = build({ protocol: "h2", sni: "web.internal", validation: { caCertificates: "PEM", subjectNames: ["web.internal", "web"] } });
    const context = UpstreamTlsContext.decode(transportSocket?.configType?.value.value ?? new Uint8Array());
    const validation = context.commonTlsContext?.validationContextType;
    assert.equal(context.sni, "web.internal");
    assert.deepEqual(context.commonTlsContext?.alpnProtocols, ["h2"]);
    assert.deepEqual(validation?.$case === "validationContext" ? validation.value.matchTypedSubjectAltNames.map(({ matcher }) => matcher?.matchPattern?.value) : [], ["web.internal", "web"]);
  });

  it("without TLS has no transport socket", () => assert.equal(build({ protocol: "h2c" }).transportSocket, undefined));

  it("limits what is in flight, per cluster and per endpoint", () => {
    const { circuitBreakers } = build({ circuitBreakers: { maxConnections: 7, perHostMaxConnections: 3 } });
    assert.deepEqual([circuitBreakers?.thresholds[0]?.maxConnections, circuitBreakers?.thresholds[0]?.trackRemaining, circuitBreakers?.perHostThresholds[0]?.maxConnections], [7, true, 3]);
    assert.equal(build({ circuitBreakers: { maxRetries: 2 } }).circuitBreakers?.thresholds[0]?.maxRetries, 2);
  });
});

describe("endpoints", () => {
  it("keep their order, and their port for health checks", () => {
    const assignment = ClusterLoadAssignment.decode(buildEndpoints({ name: "shop/web", endpoints: [{ address: "10.0.0.2", port: 80, healthCheckPort: 81 }, { address: "fd00::1", port: 80 }] }));
    const found = assignment.endpoints[0]?.lbEndpoints.map(({ hostIdentifier }) => (hostIdentifier?.$case === "endpoint" ? hostIdentifier.value : undefined));
    assert.deepEqual(found?.map((endpoint) => [endpoint?.address?.address?.$case === "socketAddress" && endpoint.address.address.value.address, endpoint?.healthCheckConfig?.portValue]), [["10.0.0.2", 81], ["fd00::1", undefined]]);
  });

  it("may be none", () => assert.deepEqual(ClusterLoadAssignment.decode(buildEndpoints({ name: "shop/web", endpoints: [] })).endpoints, []));
});

describe("a secret", () => {
  it("holds the certificate and its key", () => {
    const { name, type } = Secret.decode(buildSecret({ name: "shop/cert/1", certificateChain: "CHAIN", privateKey: new Sensitive("KEY"), expiresAt: 4e12, origin }));
    assert.equal(name, "shop/cert/1");
    assert.equal(type?.$case === "tlsCertificate" && type.value.privateKey?.specifier?.$case === "inlineBytes" && Buffer.from(type.value.privateKey.specifier.value).toString(), "KEY");
  });
});
