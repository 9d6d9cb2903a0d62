import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { startEnvoy } from "#app/envoy-process";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import type { MetricsCollector } from "#envoy/metrics-collector";
import { freePort } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { addOtlp } from "../peers/otlp.ts";
import type { OtlpMetric } from "../peers/otlp.ts";

describe("Envoy's metrics over OTLP", { timeout: 60_000 }, () => {
  const metrics: OtlpMetric[] = [];
  const server = new grpc.Server();
  let port = 0;
  before(async () => {
    addOtlp(server, { onMetric: (metric) => metrics.push(metric) });
    port = await new Promise<number>((resolve, reject) => server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))));
  });
  after(() => server.forceShutdown());

  const cases: Readonly<Record<string, readonly [MetricsCollector["instance"], string]>> = {
    "with the name of the Envoy": [{ kind: "name", name: "envoy-7" }, "envoy-7"],
    "with the name that its environment says": [{ kind: "environment" }, "envoy-8"],
  };
  for (const [title, [instance, name]] of Object.entries(cases)) {
    it(`reach a collector, ${title}`, async (test) => {
      process.env["OTEL_RESOURCE_ATTRIBUTES"] = "service.instance.id=envoy-8";
      test.after(() => delete process.env["OTEL_RESOURCE_ATTRIBUTES"]);
      const binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
      const lines: string[] = [];
      const bootstrap = buildBootstrap({
        node: { id: "test", cluster: "test" }, xds: { kind: "tcp", address: "127.0.0.1", port: await freePort() }, admin: { kind: "tcp", address: "127.0.0.1", port: await freePort() },
        metrics: { address: "127.0.0.1", port, intervalMs: 100, instance },
      });
      const envoy = startEnvoy({ binary, bootstrap: JSON.parse(bootstrapJson(bootstrap)) as unknown, concurrency: 1, onLine: (line) => lines.push(line), onUnexpectedExit: (code) => lines.push(`Envoy ended: ${code}`) });
      test.after(() => envoy.stop());
      // The controller cannot be reached: that is when metrics are wanted most.
      const failures = (): OtlpMetric | undefined => metrics.find((metric) => metric.name.endsWith("upstream_cx_connect_fail") && metric.resource["service.instance.id"] === name && Object.values(metric.attributes).includes("contour") && metric.value > 0);
      await waitFor(() => failures() !== undefined, { what: "the metric of a connection that failed", timeoutMs: 20_000 }).catch((error: unknown) => assert.fail(`${String(error)}\n${lines.join("\n")}\n${[...new Set(metrics.map((metric) => metric.name))].slice(0, 20).join()} ${JSON.stringify(metrics[0]?.resource)}`));
      assert.equal(failures()?.resource["service.name"], "envoy");
    });
  }
});
