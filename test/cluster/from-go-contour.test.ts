import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { testbedFolder } from "../bed/cache.ts";
import type { Cluster } from "../bed/cluster.ts";
import { startCluster } from "../bed/cluster.ts";
import { createAuthority } from "../bed/pki.ts";
import { envoyImage } from "../bed/product-image.ts";
import { waitFor } from "../bed/wait.ts";
import { startLoads } from "./loads.ts";
import type { Loads } from "./loads.ts";
import { importProduct, version } from "./product.ts";

const root = join(import.meta.dirname, "../..");
const inContour = ["-n", "projectcontour"];
const host = "shop.example.com";
const ours = `docker.io/projectcontour/contour:v${version}`;

/** The manifests of the Go version, of the module that was built here. Ports of nodes are left out: one node has them once, and here are two Envoys. */
function goManifests(): string {
  return readFileSync(join(testbedFolder(), "gocontour-manifests/contour-deployment.yaml"), "utf8").replaceAll(/^ +hostPort: .*\n/gm, "");
}

describe("a cluster with the Go version of Contour", { timeout: 900_000 }, () => {
  let cluster: Cluster;
  let loads: Loads | undefined;
  let address: string;
  let goImage: string;
  let caFile: string;

  before(async () => {
    cluster = await startCluster();
    await importProduct(cluster);
    const manifests = goManifests();
    const image = (pattern: RegExp): string => pattern.exec(manifests)?.[1] ?? "";
    goImage = image(/image: (ghcr\.io\/projectcontour\/contour:\S+)/);
    const binary = readdirSync(join(testbedFolder(), "bin")).find((name) => name.startsWith("contour-v"));
    await cluster.importImage({ tags: [goImage], entries: [], programs: [{ from: join(testbedFolder(), "bin", binary ?? ""), to: "/bin/contour" }], entrypoint: [] });
    // Its Envoy is played by the one that this project is tested with, under the name that its manifests have.
    await cluster.importImage(envoyImage(await ensureEnvoyBinary({ env: process.env, progress() {} }), image(/image: (\S*envoy\S*)/)));
    const path = join(cluster.folder, "go-contour.yaml");
    writeFileSync(path, manifests);
    await cluster.kubectl("apply", "--server-side", "-f", path);
    const authority = await createAuthority("shop");
    const { certificate, key } = await authority.issue({ subject: `CN=${host}`, use: "server", dnsNames: [host] });
    caFile = join(cluster.folder, "shop-ca.crt");
    writeFileSync(caFile, authority.certificate);
    const data = { "tls.crt": Buffer.from(certificate).toString("base64"), "tls.key": Buffer.from(key).toString("base64") };
    await cluster.apply([{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: "shop-tls", namespace: "default" }, data } as never]);
    for (const file of ["shop.yaml", "shop-tls.yaml"]) await cluster.kubectl("apply", "-f", join(root, "examples/operations", file));
    await rolledOut("deployment/shop", "default");
    for (const workload of ["deployment/contour", "deployment/envoy"]) await rolledOut(workload);
    await cluster.kubectl("wait", "--for=jsonpath={.status.currentStatus}=valid", "httpproxy/shop", "--timeout=60s");
    address = await cluster.kubectl(...inContour, "get", "service", "envoy", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}");
    await serves(host, 301);
    loads = startLoads(cluster, { address, host, caFile });
  });
  after(async () => {
    await loads?.end();
    await cluster?.stop();
  });

  const rolledOut = (workload: string, namespace = "projectcontour"): Promise<string> => cluster.kubectl("-n", namespace, "rollout", "status", workload, "--timeout=240s");
  const serves = (name: string, wanted: number): Promise<boolean> => waitFor(async () => (await cluster.fetch(`http://${address}/`, { headers: { host: name } })).status === wanted, { what: `${name} answers ${wanted}`, timeoutMs: 60_000 });
  const imagesOf = async (app: string): Promise<string> => cluster.kubectl(...inContour, "get", "pods", "-l", `app=${app}`, "--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].spec.containers[*].image}");

  /** A host that is written now: Envoys have it, and its status is that of this controller. */
  async function takesChanges(name: string): Promise<void> {
    await cluster.apply([{ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default" }, spec: { virtualhost: { fqdn: `${name}.example.com` }, routes: [{ services: [{ name: "shop", port: 80 }] }] } } as never]);
    await serves(`${name}.example.com`, 200);
    await cluster.kubectl("wait", "--for=jsonpath={.status.currentStatus}=valid", `httpproxy/${name}`, "--timeout=60s");
  }

  it("runs this one when the image of the controller is swapped, with the flags, the configuration, the rights and the certificates that are there", async () => {
    await takesChanges("by-go");
    await cluster.kubectl(...inContour, "set", "image", "deployment/contour", `contour=${ours}`);
    await rolledOut("deployment/contour");
    await waitFor(async () => !(await imagesOf("contour")).includes("ghcr.io"), { what: "the Go version is gone" });
    await takesChanges("by-this");
    const pods = (await cluster.kubectl(...inContour, "get", "pods", "-l", "app=contour", "-o", "jsonpath={.items[*].metadata.name} {.items[*].status.containerStatuses[*].restartCount}")).split(" ");
    assert.deepEqual(pods.slice(2), ["0", "0"]);
    const said = (await Promise.all(pods.slice(0, 2).map((pod) => cluster.kubectl(...inContour, "logs", pod)))).join("\n");
    assert.doesNotMatch(said, /level=(error|fatal)/);
  });

  it("and the Go version again when it is swapped back", async () => {
    await cluster.kubectl(...inContour, "set", "image", "deployment/contour", `contour=${goImage}`);
    await rolledOut("deployment/contour");
    await takesChanges("by-go-again");
  });

  it("is upgraded by these manifests on top: controller, Envoys, CRDs, rights, certificates", async () => {
    await cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", join(root, "deploy/render/contour-deployment.yaml"));
    for (const workload of ["deployment/contour", "deployment/envoy"]) await rolledOut(workload);
    await waitFor(async () => !`${await imagesOf("contour")} ${await imagesOf("envoy")}`.includes("ghcr.io"), { what: "nothing of the Go version is left", timeoutMs: 120_000 });
    await takesChanges("upgraded");
  });

  it("and no request was lost in all of it", async () => {
    assert.ok(loads);
    const { answered, failed } = await loads.stop();
    console.log(`${answered} requests while the image was swapped, swapped back, and all of it upgraded; ${failed.length} failed`);
    assert.deepEqual(failed, []);
    assert.ok(answered > 5000, `${answered} requests`);
  });
});
