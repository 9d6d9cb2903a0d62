import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { envoyVersion } from "#settings/envoy";
import type { Cluster } from "../bed/cluster.ts";
import { startCluster } from "../bed/cluster.ts";
import { prometheusImage } from "../bed/prometheus.ts";
import { waitFor } from "../bed/wait.ts";
import { startLoads } from "./loads.ts";
import type { Loads } from "./loads.ts";
import { importProduct, next, version } from "./product.ts";
import { Reader } from "./reader.ts";

/** What comes and goes by itself. */
const ofKubernetes = new Set(["events", "events.events.k8s.io", "endpoints", "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io", "pods.metrics.k8s.io", "podmetrics"]);

describe("docs/operations.md on a real cluster", { timeout: 900_000 }, () => {
  let cluster: Cluster;
  let reader: Reader;
  let emptyCluster: readonly string[];
  let loads: Loads | undefined;

  before(async () => {
    cluster = await startCluster();
    await importProduct(cluster);
    reader = new Reader(cluster, "docs/operations.md");
    emptyCluster = await everything();
  });
  after(async () => {
    await loads?.end();
    await cluster?.stop();
    reader?.close();
  });

  /** Kind, namespace and name of everything in the cluster. */
  const everything = async (): Promise<readonly string[]> => {
    const kinds = (await cluster.kubectl("api-resources", "--verbs=list", "-o", "name")).trim().split("\n").filter((kind) => !ofKubernetes.has(kind));
    const found = await cluster.kubectl("get", kinds.join(","), "--all-namespaces", "--ignore-not-found", "-o", 'jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}');
    return found.trim().split("\n").toSorted();
  };

  const images = async (): Promise<ReadonlySet<string>> => new Set((await cluster.kubectl("-n", "projectcontour", "get", "pods", "--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].spec.containers[*].image}")).split(" "));

  it("installs", async () => {
    await reader.run("Install");
    assert.match(reader.variable("ADDRESS"), /^\d+\.\d+\.\d+\.\d+$/);
  });

  it("serves a site", async () => assert.match(await reader.run("A site"), /^hello from shop-/m));

  it("is configured while it runs", async () => {
    const uids = (): Promise<string> => cluster.kubectl("-n", "projectcontour", "get", "pods", "-l", "app=contour", "-o", "jsonpath={.items[*].metadata.uid} {.items[*].status.containerStatuses[*].restartCount}");
    const before = await uids();
    assert.match(await reader.run("Configuration"), /^x-served-by: edge/im);
    assert.equal(await uids(), before, "the same pods, without a restart");
  });

  it("serves it with TLS", async () => assert.match(await reader.run("TLS"), /^hello from shop-/m));

  it("lets itself be looked into", async () => {
    const printed = await reader.run("Look inside");
    assert.match(printed, /^contour_/m);
    assert.match(printed, / msg=/);
    assert.match(printed, /contour-[0-9a-z]+-[0-9a-z]+-/);
  });

  it("is seen by a Prometheus in the cluster, which has the alerts; dashboards are there for Grafana", async () => {
    await cluster.importImage(prometheusImage);
    const printed = await reader.run("Dashboards");
    assert.match(printed, /"value":\[/);
    assert.match(printed, /"name":"Contour/);
    const targets = async (): Promise<readonly string[]> => {
      const { data } = JSON.parse(await cluster.kubectl("get", "--raw", "/api/v1/namespaces/projectcontour/services/prometheus:9090/proxy/api/v1/targets?state=active")) as { readonly data: { readonly activeTargets: readonly { readonly labels: { readonly job: string }; readonly health: string }[] } };
      return data.activeTargets.map(({ labels, health }) => `${labels.job} ${health}`).toSorted();
    };
    await waitFor(async () => (assert.deepEqual(await targets(), ["contour up", "contour up", "envoy up", "envoy up"]), true), { what: "all pods are scraped" });
    const labelled = await cluster.kubectl("-n", "projectcontour", "get", "configmaps", "-l", "grafana_dashboard=1", "-o", "jsonpath={.items[*].data}");
    assert.match(labelled, /controller\.json/);
  });

  it("is upgraded and rolled back without a failing request", async () => {
    loads = startLoads(cluster, { address: reader.variable("ADDRESS"), host: "shop.example.com", caFile: join(reader.variable("KEYS"), "tls.crt") });
    const path = join(reader.checkout, "deploy/render/contour-deployment.yaml");
    const release = readFileSync(path, "utf8");
    writeFileSync(path, release.replaceAll(`contour:v${version}`, `contour:${next.contour}`).replaceAll(`distroless-v${envoyVersion}`, next.envoy).replace(`contour-certgen-v${version.replaceAll(".", "-")}`, "contour-certgen-v99-0-0"));
    const [upgrade, back] = reader.sections.find(({ title }) => title === "Upgrade")?.scripts ?? [];
    assert.ok(upgrade !== undefined && back !== undefined);
    await reader.run("Upgrade");
    const { answered, failed } = await loads.stop();
    assert.deepEqual(failed, []);
    assert.match(await cluster.kubectl("-n", "projectcontour", "get", "configmap", "contour", "-o", "jsonpath={.data}"), /x-served-by/, "what was configured is kept");
    assert.ok(answered > 1000, `${answered} requests`);
    assert.ok((await images()).has(`projectcontour/contour:v${version}`));
    const revisions = await cluster.kubectl("-n", "projectcontour", "get", "replicasets", "-o", "jsonpath={.items[*].spec.template.spec.containers[*].image}");
    assert.ok(revisions.includes(next.contour) && revisions.includes(next.envoy), "there was an upgrade to roll back from");
    writeFileSync(path, release);
    console.log(`${answered} requests during upgrade and rollback, none failed`);
  });

  it("is removed, and leaves nothing", async () => {
    await reader.run("Remove");
    assert.deepEqual(await everything(), emptyCluster);
  });
});
