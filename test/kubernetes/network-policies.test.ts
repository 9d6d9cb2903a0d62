import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { selectorLabels } from "#provision/names";
import { kustomize } from "../../tools/deploy/render.ts";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import { binaryPath } from "../bed/cache.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { objectsOf } from "./serving.ts";

const deploy = join(import.meta.dirname, "../../deploy");
const read = (path: string): string => readFileSync(join(deploy, path), "utf8");

interface Selecting {
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>>; readonly matchExpressions?: readonly { readonly key: string }[] };
}

describe("network policies", () => {
  it("select the pods that the manifests make", () => {
    const templates = ["daemonset", "gateway-provisioner"].flatMap((folder) => objectsOf(kustomize(folder))).flatMap(({ spec }) => {
      const labels = (spec as { readonly template?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } } } | undefined)?.template?.metadata?.labels;
      return labels === undefined ? [] : [labels];
    });
    for (const file of ["components/network-policies/envoy.yaml", "components/network-policies/controller.yaml", "components/network-policies-for-gateways/provisioner.yaml"]) {
      for (const { metadata, spec } of objectsOf(read(file))) {
        const wanted = Object.entries((spec as Selecting).podSelector.matchLabels);
        assert.ok(templates.some((labels) => wanted.every(([key, value]) => labels[key] === value)), `${metadata.name} selects no pod`);
      }
    }
  });

  it("select the pods that the provisioner makes", () => {
    const labels = selectorLabels({ name: "public" });
    const [fleet] = objectsOf(read("network-policies/fleet.yaml"));
    const [tenant] = objectsOf(read("network-policies/fleet-tenant.yaml"));
    const [provisioner] = objectsOf(read("components/network-policies-for-gateways/provisioner.yaml"));
    const peers = [tenant, provisioner].map((policy) => (policy?.["spec"] as { readonly ingress: readonly { readonly from: readonly Selecting[] }[] }).ingress[0]?.from[0]);
    for (const selecting of [fleet?.["spec"] as Selecting, ...peers]) {
      assert.ok(selecting !== undefined);
      const { matchLabels, matchExpressions = [] } = selecting.podSelector;
      assert.deepEqual({ ...labels, ...matchLabels }, labels);
      for (const { key } of matchExpressions) assert.ok(key in labels, key);
    }
  });
});

describe("network policies and a real API server", { timeout: 120_000 }, () => {
  let api: ApiServer;
  let folder: string;
  before(async () => {
    api = await startApiServer();
    folder = mkdtempSync(join(tmpdir(), "contour-policies-"));
    const namespaces = ["projectcontour", "shop", "infra"].map((name): TestObject => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
    await api.apply([...namespaces, ...objectsOf(readFileSync(join(import.meta.dirname, "policy-kinds.yaml"), "utf8"))]);
    // Waits until the kinds are served.
    for (const file of ["calico", "cilium", "antrea"]) for (const object of objectsOf(read(`network-policies/host-network/${file}.yaml`))) await api.pathOf(object);
  });
  after(async () => {
    await api?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await promisify(execFile)(binaryPath("kubectl"), ["--kubeconfig", api.kubeconfigPath, ...args]);
    return stdout + stderr;
  };
  const apply = (path: string, ...args: readonly string[]): Promise<string> => kubectl("apply", "--server-side", "--validate=strict", "-f", path, ...args);

  const namespaceOf: Readonly<Record<string, string>> = { "tenant.yaml": "shop", "fleet.yaml": "infra", "fleet-tenant.yaml": "shop" };
  for (const file of readdirSync(join(deploy, "network-policies"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"))) {
    it(`takes ${file}`, async () => {
      const namespace = namespaceOf[file];
      assert.doesNotMatch(await apply(join(deploy, "network-policies", file), ...(namespace === undefined ? [] : ["-n", namespace])), /Warning/);
    });
  }

  it("takes the component on top of the gateway provisioner", async () => {
    const own = mkdtempSync(join(folder, "component"));
    const to = (path: string): string => relative(own, join(deploy, path));
    writeFileSync(join(own, "kustomization.yaml"), `resources: [${to("gateway-provisioner")}]\ncomponents: [${to("components/network-policies-for-gateways")}]\n`);
    const text = await kubectl("kustomize", own);
    assert.match(text, /kind: NetworkPolicy\nmetadata:\n\s+name: contour-gateway-provisioner/);
    const path = join(folder, "provisioner.yaml");
    writeFileSync(path, text);
    await apply(path, "--dry-run=server");
  });

  it("refuses a field that a kind has not", async () => {
    const path = join(folder, "wrong.yaml");
    writeFileSync(path, read("network-policies/host-network/cilium.yaml").replaceAll("fromEntities", "fromEntity"));
    await assert.rejects(apply(path), /fromEntity: field not declared in schema/);
  });
});
