import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parse } from "yaml";
import { createAuthority, issueCertificate } from "#certs/authority";
import { folder, generatedFiles } from "../../tools/observability/files.ts";
import { promtool, startPrometheus } from "../bed/prometheus.ts";
import type { Prometheus } from "../bed/prometheus.ts";
import { waitFor } from "../bed/wait.ts";
import { startLoad } from "../reliability/load.ts";
import { World, hosts, namespace, proxyOf, sliceOf } from "../reliability/world.ts";

interface Dashboard {
  readonly title: string;
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

it("the dashboards and the operator's alerts are made from their sources (npm run generate:observability)", () => {
  for (const [name, text] of generatedFiles()) assert.equal(readFileSync(join(folder, name), "utf8"), text, name);
});

describe("dashboards and alerts on a real run", { timeout: 240_000 }, () => {
  let world: World;
  let prometheus: Prometheus;
  const dashboards = ["controller.json", "envoy.json"].map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Dashboard);
  const rules = parse(readFileSync(join(folder, "rules.yaml"), "utf8")) as Rules;
  before(async () => {
    world = await World.open();
    const authority = await createAuthority("CN=shop", Date.now());
    const { certificate, key } = await issueCertificate(authority, { use: "server", dnsName: "tls.example.com" }, Date.now());
    const data = { "tls.crt": Buffer.from(certificate).toString("base64"), "tls.key": Buffer.from(key).toString("base64") };
    const tls = { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "tls", namespace }, spec: { virtualhost: { fqdn: "tls.example.com", tls: { secretName: "cert" } }, routes: [{ services: [{ name: "web", port: 80 }] }] } };
    const orphan = { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "orphan", namespace }, spec: { routes: [{ services: [{ name: "web", port: 80 }] }] } };
    await world.api.apply([{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: "cert", namespace }, data } as never, tls, orphan, proxyOf(700, { services: [{ name: "gone", port: 80 }] })]);
    const replica = await world.startReplica("--config-path", world.api.folder);
    await world.startEnvoy();
    prometheus = await startPrometheus([{ job: "contour", port: replica.httpPort, path: "/metrics" }, { job: "envoy", port: world.statsPort, path: "/stats/prometheus" }], join(folder, "rules.yaml"));
  });
  after(async () => {
    await prometheus?.stop();
    await world?.close();
  });

  it("the alerts are rules, and their unit tests pass", async () => {
    assert.match(await promtool(folder, "check", "rules", "rules.yaml"), /SUCCESS: 16 rules found/);
    assert.match(await promtool(folder, "test", "rules", "rules.test.yaml"), /SUCCESS/);
  });

  it("what the controller and Envoy say is well-formed for Prometheus", async () => {
    await waitFor(async () => (await prometheus.failures()).length === 0 && (await prometheus.count("up == 1")) === 2, { what: "both are scraped" }).catch(async () => assert.deepEqual(await prometheus.failures(), []));
  });

  it("every query of every dashboard has series", async (test) => {
    startLoad(test, { port: world.httpPort, hosts, connections: 2, paceMs: 20 });
    const queries = dashboards.flatMap(({ title, panels }) => panels.flatMap((panel) => panel.targets.map(({ expr }) => ({ where: `${title}, ${panel.title}`, expr: expr.replaceAll("$__rate_interval", "30s") }))));
    assert.ok(queries.length > 50);
    let round = 0;
    let empty: readonly string[] = [];
    const all = async (): Promise<boolean> => {
      const [, second] = sliceOf(...world.backends.map(({ port }) => port));
      if (second !== undefined) await (round++ % 2 === 0 ? world.api.remove(second) : world.api.apply([second]));
      const found = await Promise.all(queries.map(async ({ where, expr }) => ({ where, expr, count: await prometheus.count(expr) })));
      empty = found.filter(({ count }) => count === 0).map(({ where, expr }) => `${where}: ${expr}`);
      return empty.length === 0;
    };
    await waitFor(all, { what: "series for all queries", timeoutMs: 60_000, intervalMs: 1000 }).catch(() => assert.deepEqual(empty, []));
  });

  it("every alert is a query, over metrics that there are", async () => {
    const names = await prometheus.names();
    const words = new Set(["max", "min", "sum", "by", "rate", "increase", "histogram_quantile", "time", "and", "on"]);
    for (const { alert, expr } of rules.groups.flatMap(({ rules: found }) => found)) {
      await prometheus.count(expr);
      const metrics = [...expr.replaceAll(/"[^"]*"|\{[^}]*\}|\([^()]*\)(?=\s*\()/g, " ").matchAll(/\b[a-z][a-z_]{4,}\b/g)].map(([name]) => name).filter((name) => !words.has(name) && name.includes("_"));
      // Those that are there with TLS only.
      const missing = metrics.filter((name) => !names.has(name) && !/^(le|envoy_cluster_name|envoy_http_conn_manager_prefix|contour_xds_(certificate|secret)_expiry_timestamp_seconds|histogram_quantile)$/.test(name));
      assert.ok(metrics.length > 0, alert);
      assert.deepEqual(missing, [], alert);
    }
  });
});
