import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { envoyVersion } from "#settings/envoy";
import { rbacFiles } from "../../tools/deploy/rbac.ts";
import { kustomize, render, renders } from "../../tools/deploy/render.ts";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import { binaryPath } from "../bed/cache.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { objectsOf } from "./serving.ts";

const root = join(import.meta.dirname, "../..");
const deploy = join(root, "deploy");
const read = (path: string): string => readFileSync(join(deploy, path), "utf8");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };

interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly securityContext: { readonly seccompProfile: { readonly type: string } };
  readonly containers: readonly { readonly name: string; readonly image: string; readonly resources: { readonly requests?: object }; readonly securityContext: { readonly readOnlyRootFilesystem: boolean } }[];
  readonly initContainers?: PodSpec["containers"];
}

function podsOf(objects: readonly TestObject[]): readonly { readonly of: string; readonly spec: PodSpec }[] {
  return objects.flatMap((object) => {
    const { template } = (object["spec"] ?? {}) as { readonly template?: { readonly spec: PodSpec } };
    return template === undefined ? [] : [{ of: `${object.kind} ${object.metadata.name}`, spec: template.spec }];
  });
}

describe("deploy/", () => {
  it("is what its generator makes", () => {
    for (const [path, text] of Object.entries(rbacFiles())) assert.equal(read(path), text, `${path} is stale: npm run generate:deploy`);
    for (const [file, folder] of Object.entries(renders)) assert.equal(read(`render/${file}`), render(folder), `${file} is stale: npm run generate:deploy`);
  });

  it("names the images of this release, and a Job of its own", () => {
    const images = { "projectcontour/contour": `projectcontour/contour:v${version}`, "envoyproxy/envoy": `envoyproxy/envoy:distroless-v${envoyVersion}` };
    for (const folder of ["daemonset", "deployment", "host-network", "gateway-provisioner"]) {
      const objects = objectsOf(kustomize(folder));
      for (const { of, spec } of podsOf(objects)) for (const { image } of [...spec.containers, ...(spec.initContainers ?? [])]) assert.ok(Object.values(images).includes(image), `${folder}: ${of} has ${image}`);
      const jobs = objects.filter(({ kind }) => kind === "Job").map(({ metadata }) => metadata.name);
      assert.deepEqual(jobs, folder === "gateway-provisioner" ? [] : [`contour-certgen-v${version.replaceAll(".", "-")}`]);
    }
    assert.match(read("../examples/operations/shop.yaml"), new RegExp(`image: ${images["projectcontour/contour"]}$`, "m"));
    assert.deepEqual([...read("gateway-provisioner/deployment.yaml").matchAll(/-image=(\S+)/g)].map((match) => match[1]), Object.values(images));
  });

  it("gives every container limits to what it can do, and says what it needs", () => {
    for (const { of, spec } of ["daemonset", "deployment", "host-network", "gateway-provisioner"].flatMap((folder) => podsOf(objectsOf(kustomize(folder))))) {
      assert.equal(spec.securityContext.seccompProfile.type, "RuntimeDefault", of);
      for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
        assert.equal(container.securityContext.readOnlyRootFilesystem, true, `${of} ${container.name}`);
        assert.ok(container.resources.requests, `${of} ${container.name}`);
      }
    }
  });
});

describe("deploy/ and a real API server", { timeout: 120_000 }, () => {
  let api: ApiServer;
  let folder: string;
  before(async () => {
    api = await startApiServer();
    folder = mkdtempSync(join(tmpdir(), "contour-deploy-"));
    const labels = { "pod-security.kubernetes.io/warn": "restricted" };
    await api.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour", labels } as TestObject["metadata"] }]);
  });
  after(async () => {
    await api?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What kubectl prints, warnings included. */
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await promisify(execFile)(binaryPath("kubectl"), ["--kubeconfig", api.kubeconfigPath, ...args], { maxBuffer: 16 * 1024 * 1024 });
    return stdout + stderr;
  };
  // The namespace without its label: it is there already, with one.
  const apply = async (name: string, text: string, ...args: readonly string[]): Promise<string> => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return kubectl("apply", "--server-side", "--validate=strict", "--field-manager=installer", "-f", path, ...args);
  };

  for (const [file, overlay] of Object.entries(renders)) {
    it(`takes ${file}, twice, without a change the second time`, async () => {
      const text = render(overlay);
      const printed = await apply(file, text);
      const warnings = printed.split("\n").filter((line) => line.startsWith("Warning"));
      // Ports of a node are what a DaemonSet of Envoys is for.
      assert.deepEqual(warnings.filter((line) => !line.includes("hostPort")), []);
      assert.equal(warnings.length, overlay === "daemonset" ? 1 : 0);
      const versions = async (): Promise<string> => kubectl("get", "-f", join(folder, file), "-o", "jsonpath={.items[*].metadata.generation}");
      const before = await versions();
      await apply(file, text);
      assert.equal(await versions(), before);
    });
  }

  it("takes Envoy in the network of its nodes", async () => {
    await apply("host-network.yaml", kustomize("host-network"), "--dry-run=server", "--force-conflicts");
  });

  it("takes each component on top", async () => {
    const made = { "network-policies": /kind: NetworkPolicy/, priority: /priorityClassName: contour/, http3: /hostPort: 443\n\s+name: https-quic\n\s+protocol: UDP/, "named-secrets": /--secret-namespaces=default/, issuing: /name: contour-issuing/, "issuing-in-named-namespaces": /--secret-namespaces=projectcontour/ };
    for (const [component, what] of Object.entries(made)) {
      const own = mkdtempSync(join(folder, component));
      const to = (path: string): string => relative(own, join(deploy, path));
      writeFileSync(join(own, "kustomization.yaml"), `resources: [${to("daemonset")}]\ncomponents: [${to(`components/${component}`)}]\n`);
      const text = await kubectl("kustomize", own);
      assert.match(text, what);
      await apply(`${component}.yaml`, text, "--dry-run=server");
    }
  });
});
