import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import { envoyVersion } from "#settings/envoy";
import { kustomize } from "../../tools/deploy/render.ts";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import { binaryPath, testbedFolder } from "../bed/cache.ts";
import { contourCrds, objectsOf } from "./serving.ts";

const root = join(import.meta.dirname, "../..");
const chart = join(root, "deploy/helm/contour");
const helm = (...args: readonly string[]): string => {
  const binary = join(testbedFolder(), "bin/helm");
  if (!existsSync(binary)) throw new Error(`${binary} is missing: run test/bed/setup.sh`);
  return execFileSync(binary, args, { encoding: "utf8", maxBuffer: 16 * 1024 * 1024, stdio: ["ignore", "pipe", "pipe"] });
};
const template = (...args: readonly string[]): string => helm("template", "contour", chart, "--namespace", "projectcontour", ...args);
const yaml = (path: string): unknown => parse(readFileSync(join(chart, path), "utf8"));

/** What is chosen, each in one file of values. */
const choices: Readonly<Record<string, object>> = {
  defaults: {},
  "a Deployment of Envoys": { envoy: { kind: "Deployment", replicas: 3, terminationGracePeriodSeconds: 60, priorityClassName: "system-cluster-critical" } },
  "Envoys for Gateways, and policies": { gateways: { provision: true }, networkPolicies: { enabled: true } },
  "issuing of certificates": { certificates: { issuing: true } },
  "issuing in named namespaces": { certificates: { issuing: true }, controller: { secretNamespaces: ["default", "projectcontour"] } },
  "HTTP/3": { configuration: { envoy: { defaultHTTPVersions: ["HTTP/1.1", "HTTP/2", "HTTP/3"] } } },
  "everything else": {
    configuration: { httpproxy: { rootNamespaces: ["team"] } },
    controller: { ingressClassName: "edge", rootNamespaces: "team", secretNamespaces: ["default", "kube-system"], extraArgs: ["--debug"], podAnnotations: { team: "edge" }, nodeSelector: { role: "edge" }, tolerations: [{ key: "edge", operator: "Exists" }], serviceAccountAnnotations: { cloud: "role" } },
    envoy: { hostPorts: { enabled: false }, service: { type: "ClusterIP", annotations: { a: "b" } }, logLevel: "warn", otlpMetrics: "collector.telemetry.svc:4317" },
    certgen: { lifetimeDays: 30 }, ingressClass: { create: true, default: true }, podDisruptionBudgets: { enabled: false }, imagePullSecrets: [{ name: "mirror" }],
    image: { repository: "example.com/contour", tag: "mine" },
  },
};

interface PodSpec {
  readonly containers: readonly { readonly name: string; readonly args?: readonly string[]; readonly volumeMounts?: readonly { readonly name: string }[] }[];
  readonly volumes?: readonly { readonly name: string }[];
}

/** The pods of a text of manifests, by their first container, without what is named after a release. */
function podsOf(text: string): Readonly<Record<string, unknown>> {
  const workloads = objectsOf(text).filter(({ kind }) => ["Deployment", "DaemonSet", "Job"].includes(kind));
  return Object.fromEntries(workloads.map((object) => {
    const { spec } = (object["spec"] as { readonly template: { readonly spec: PodSpec } }).template;
    const named = ["serviceAccountName", "labelSelector", "matchLabels", "imagePullPolicy"];
    const common = JSON.stringify(spec, (key, value: unknown) => (named.includes(key) ? undefined : Array.isArray(value) ? value.filter((item) => typeof item !== "string" || !item.startsWith("--envoy-service-name=")) : value));
    return [`${object.kind} of ${spec.containers.map(({ name }) => name).join(", ")}`, JSON.parse(common)];
  }));
}

describe("the Helm chart", () => {
  it("is sound, in Helm's own eyes", () => assert.match(helm("lint", "--strict", chart), /1 chart\(s\) linted, 0 chart\(s\) failed/));

  it("is of this release", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
    const { version: chartVersion, appVersion } = yaml("Chart.yaml") as Readonly<Record<string, string>>;
    assert.deepEqual([chartVersion, appVersion], [version, `v${version}`]);
    assert.equal((yaml("values.yaml") as { readonly envoy: { readonly image: { readonly tag: string } } }).envoy.image.tag, `distroless-v${envoyVersion}`);
  });

  it("makes the same pods as the manifests", () => {
    for (const [folder, args] of [["daemonset", []], ["deployment", ["--set", "envoy.kind=Deployment"]]] as const) assert.deepEqual(podsOf(template(...args)), podsOf(kustomize(folder)));
  });

  it("opens the UDP port of HTTP/3 where the configuration has it, and only there", () => {
    const folder = mkdtempSync(join(tmpdir(), "contour-helm-"));
    writeFileSync(join(folder, "values.json"), JSON.stringify(choices["HTTP/3"]));
    const ports = (text: string): readonly unknown[] => [...text.matchAll(/^ +- name: https-quic\n((?: {4,}[a-zA-Z]+: .*\n)+)/gm)].map(([, port = ""]) => parse(port) as unknown);
    assert.deepEqual(ports(template("--values", join(folder, "values.json"))), [{ port: 443, targetPort: 8443, protocol: "UDP" }, { containerPort: 8443, hostPort: 443, protocol: "UDP" }]);
    assert.deepEqual(ports(template()), []);
    rmSync(folder, { recursive: true, force: true });
  });

  it("gives the rights of issuing where it is chosen, and as the manifests do", () => {
    const rulesOf = (text: string): readonly unknown[] => objectsOf(text).flatMap((object) => (/Role$/.test(object.kind) && object.metadata.name.endsWith("-issuing") ? [{ kind: object.kind, namespace: object.metadata.namespace ?? "own", rules: object["rules"] }] : []));
    const component = (name: string): readonly unknown[] => rulesOf(readFileSync(join(root, `deploy/components/${name}/rbac.yaml`), "utf8").replaceAll("namespace: projectcontour", "namespace: own"));
    const sorted = (rules: readonly unknown[]): readonly string[] => rules.map((rule) => JSON.stringify(rule)).toSorted();
    assert.deepEqual(rulesOf(template()), []);
    assert.deepEqual(sorted(rulesOf(template("--set", "certificates.issuing=true"))), sorted(component("issuing")));
    const named = template("--set", "certificates.issuing=true", "--set", "controller.secretNamespaces={default}");
    assert.deepEqual(sorted(rulesOf(named)), sorted(component("issuing-in-named-namespaces")));
    assert.match(named, /--secret-namespaces=default\n\s+- --secret-namespaces=\$\(CONTOUR_NAMESPACE\)/);
  });

  it("refuses values that mean nothing", () => {
    for (const wrong of ["envoy.kind=StatefulSet", "envoy.drainDelay=soon", "controler.replicas=3", "controller.replicas=0"]) assert.throws(() => template("--set", wrong), /don't meet the specifications of the schema/, wrong);
  });
});

describe("the Helm chart and a real API server", { timeout: 120_000 }, () => {
  let api: ApiServer;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "contour-helm-"));
    api = await startApiServer();
    await api.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } }, ...contourCrds()]);
  });
  after(async () => {
    await api?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [choice, values] of Object.entries(choices)) {
    it(`is taken with ${choice}`, async () => {
      const path = (name: string): string => join(folder, `${choice.replaceAll(/\W/g, "-")}-${name}`);
      writeFileSync(path("values.json"), JSON.stringify(values));
      writeFileSync(path("objects.yaml"), template("--values", path("values.json")));
      await promisify(execFile)(binaryPath("kubectl"), ["--kubeconfig", api.kubeconfigPath, "apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", path("objects.yaml")]);
    });
  }
});
