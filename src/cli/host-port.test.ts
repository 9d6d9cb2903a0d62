import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHostPort } from "#cli/host-port";

describe("a host with its port", () => {
  it("is a name or an address", () => {
    assert.deepEqual(parseHostPort("collector.telemetry.svc:4317"), { address: "collector.telemetry.svc", port: 4317 });
    assert.deepEqual(parseHostPort("10.0.0.1:80"), { address: "10.0.0.1", port: 80 });
    assert.deepEqual(parseHostPort("[::1]:4317"), { address: "::1", port: 4317 });
  });

  it("is refused where one of both is missing, or brackets around an IPv6 address", () => {
    for (const wrong of ["collector", "collector:", ":4317", "::1:4317", "collector:http", "collector:70000"]) assert.throws(() => parseHostPort(wrong), /write a/, wrong);
  });
});
