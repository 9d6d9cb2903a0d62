import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { placesOf } from "#app/controller-places";

const at = { address: "127.0.0.1", port: 8000 };
const files = { caFile: "/flag/ca", certFile: "/flag/cert", keyFile: "/flag/key" };
const base = { xds: { address: "127.0.0.1", port: 8001, tls: files }, http: at, health: at, debug: at, envoyService: { namespace: "projectcontour", name: "envoy" } };

describe("what a configuration says about the controller itself", () => {
  it("lies over what the flags say, field by field", () => {
    const { xds, http, envoyService } = placesOf({ xdsServer: { port: 9001, tls: { caFile: "/own/ca" } }, metrics: { port: 9000 }, envoy: { service: { namespace: "edge", name: "envoy" } } }, base);
    assert.deepEqual(xds, { address: "127.0.0.1", port: 9001, insecure: false, tls: { ...files, caFile: "/own/ca" } });
    assert.deepEqual([http, envoyService], [{ address: "127.0.0.1", port: 9000 }, { namespace: "edge", name: "envoy" }]);
  });

  it("has no TLS for xDS only where that is said", () => {
    assert.equal(placesOf({ xdsServer: { tls: { insecure: true } } }, base).xds.tls, undefined);
    assert.deepEqual(placesOf({ xdsServer: { tls: { insecure: false } } }, { ...base, xds: { ...at, insecure: true } }).xds, { ...at, insecure: false });
  });
});
