import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import { secretFiles } from "#envoy/bootstrap-secrets";

const tls = { certFile: "/certs/tls.crt", keyFile: "/certs/tls.key", caFile: "/ca/ca.crt", resourcesDir: "/config/resources" };

describe("the bootstrap", () => {
  it("asks for everything over one delta stream", () => {
    const json = JSON.parse(bootstrapJson(buildBootstrap({ xds: { kind: "tcp", address: "127.0.0.1", port: 8001 }, admin: { kind: "unix", path: "/admin/admin.sock" } })));
    assert.equal(json.dynamicResources.adsConfig.apiType, "DELTA_GRPC");
    assert.equal(json.dynamicResources.adsConfig.setNodeOnFirstMessageOnly, true);
    assert.deepEqual(json.dynamicResources.cdsConfig, { ads: {}, resourceApiVersion: "V3" });
    assert.equal(json.staticResources.clusters[0].transportSocket, undefined);
    assert.equal(json.admin.address.pipe.mode, 0o644);
  });

  it("looks up a name, and takes an address as it is", () => {
    const typeOf = (address: string): string =>
      JSON.parse(bootstrapJson(buildBootstrap({ xds: { kind: "tcp", address, port: 1 }, admin: { kind: "tcp", address: "127.0.0.1", port: 2 } }))).staticResources.clusters[0].type ?? "STATIC";
    assert.deepEqual([typeOf("contour"), typeOf("::1"), typeOf("10.0.0.1")], ["STRICT_DNS", "STATIC", "STATIC"]);
  });

  it("knows the controller by files that Envoy watches", () => {
    const bootstrap = buildBootstrap({ xds: { kind: "tcp", address: "contour", port: 8001, tls }, admin: { kind: "unix", path: "/admin/admin.sock" } });
    const context = JSON.parse(bootstrapJson(bootstrap)).staticResources.clusters[0].transportSocket.typedConfig.commonTlsContext;
    const files = secretFiles(tls);
    const path = context.tlsCertificateSdsSecretConfigs[0].sdsConfig.pathConfigSource.path;
    assert.deepEqual(files.map((file) => file.path), [path, "/config/resources/sds/xds-validation-context.json"]);
    const secret = JSON.parse(files[0]?.text ?? "").resources[0];
    assert.equal(secret["@type"], "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret");
    assert.deepEqual(secret.tlsCertificate.watchedDirectory, { path: "/certs" });
  });

  it("protects itself only when told to", () => {
    const base = { xds: { kind: "unix", path: "/x" }, admin: { kind: "unix", path: "/a" } } as const;
    assert.equal(JSON.parse(bootstrapJson(buildBootstrap(base))).overloadManager, undefined);
    const limited = JSON.parse(bootstrapJson(buildBootstrap({ ...base, overload: { maxHeapBytes: 1_000_000n, maxDownstreamConnections: 50n } }))).overloadManager;
    assert.deepEqual([limited.resourceMonitors[0].typedConfig.maxHeapSizeBytes, limited.resourceMonitors[1].typedConfig.maxActiveDownstreamConnections], ["1000000", "50"]);
    assert.deepEqual(limited.actions.map((action: { triggers: { threshold: { value: number } }[] }) => action.triggers[0]?.threshold.value), [0.95, 0.98]);
  });
});
