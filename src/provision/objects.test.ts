import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fleetObjects } from "#provision/objects";
import type { ProvisionSettings } from "#provision/settings";
import type { FleetPlan } from "#translate/gateway/fleet-plan";

const plan: FleetPlan = {
  fleet: "team/public", namespace: "team", name: "public", owner: { kind: "Gateway", name: "public", uid: "1" }, gatewayClass: "contour", labels: {}, annotations: {}, addresses: [], parameters: {},
  ports: [{ name: "https-443", port: 443, envoyPort: 8443, protocol: "TCP" }, { name: "quic-443", port: 443, envoyPort: 8443, protocol: "UDP" }],
};
const settings: ProvisionSettings = { envoyImage: "envoy", contourImage: "contour", imagePullPolicy: "IfNotPresent", xds: { host: "contour", port: 8001 }, envoy: { stats: { address: "0.0.0.0", port: 8002 } } };
const textOf = (kind: string, more: Partial<ProvisionSettings> = {}): string => JSON.stringify(fleetObjects(plan, { authorities: "", certificate: "", key: "" }, { ...settings, ...more }).find((object) => object.kind === kind));

describe("the objects of a Gateway's Envoys", () => {
  it("have a Service with the UDP port of HTTP/3 at the same number", () => {
    assert.match(textOf("Service"), /"port":443,"targetPort":8443,"protocol":"TCP"\},\{"name":"quic-443","port":443,"targetPort":8443,"protocol":"UDP"/);
  });

  it("send metrics to a collector where one is named, each Envoy with the name of its pod", () => {
    const otlpMetrics = { address: "collector.telemetry.svc", port: 4317 };
    assert.deepEqual([textOf("ConfigMap"), textOf("DaemonSet")].map((text) => /open_telemetry|OTEL/.test(text)), [false, false]);
    assert.match(textOf("ConfigMap", { otlpMetrics }), /envoy\.stat_sinks\.open_telemetry.*collector\.telemetry\.svc|collector\.telemetry\.svc.*envoy\.stat_sinks\.open_telemetry/);
    assert.match(textOf("DaemonSet", { otlpMetrics }), /"OTEL_RESOURCE_ATTRIBUTES","value":"service\.instance\.id=\$\(POD_NAME\)/);
  });
});
