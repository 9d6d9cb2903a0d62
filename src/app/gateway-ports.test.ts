import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gatewayPortAlone, gatewayPortBeside } from "#app/gateway-ports";

describe("the port at which Envoy listens for a port of a Gateway", () => {
  it("is 8000 above it", () => assert.deepEqual([80, 443].map(gatewayPortAlone), [8080, 8443]));

  it("is none that its pod has for metrics or for the shutdown manager", () => assert.deepEqual([2, 90].map(gatewayPortAlone), [9002, 9090]));

  it("is none of those for Ingress and HTTPProxy in the same Envoy", () => assert.deepEqual([80, 443, 90].map(gatewayPortBeside([8080, 8443])), [9080, 9443, 9090]));
});
