import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Diagnosis } from "#app/doctor/diagnose";
import type { Cluster } from "../bed/cluster.ts";
import { startCluster } from "../bed/cluster.ts";
import { waitFor } from "../bed/wait.ts";
import { gatewayCrds, objectsOf } from "../kubernetes/serving.ts";
import { importProduct, version } from "./product.ts";

const root = join(import.meta.dirname, "../..");
const contour = join(root, "bin/contour");

/** A pod that examines its own cluster with nothing but the rights of deploy/doctor. */
const examiner = objectsOf(`
apiVersion: v1
kind: ServiceAccount
metadata: { name: contour-doctor, namespace: projectcontour }
---
apiVersion: v1
kind: Pod
metadata: { name: doctor, namespace: projectcontour }
spec:
  serviceAccountName: contour-doctor
  restartPolicy: Never
  securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: RuntimeDefault } }
  containers:
  - name: contour
    image: projectcontour/contour:v${version}
    imagePullPolicy: IfNotPresent
    args: [doctor, --output, json]
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
`);

const gateway = objectsOf(`
apiVersion: projectcontour.io/v1alpha1
kind: ContourDeployment
metadata: { name: small, namespace: projectcontour }
spec: { envoy: { workloadType: Deployment, deployment: { replicas: 1 } } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: contour }
spec: { controllerName: example.com/own, parametersRef: { group: projectcontour.io, kind: ContourDeployment, name: small, namespace: projectcontour } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: public, namespace: default }
spec: { gatewayClassName: contour, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop, namespace: default }
spec: { parentRefs: [{ name: public }], hostnames: [gateway.example.com], rules: [{ backendRefs: [{ name: shop, port: 80 }] }] }
`);

const faults = objectsOf(`
apiVersion: v1
kind: ConfigMap
metadata: { name: contour, namespace: projectcontour }
data: { contour.yaml: "enableExternalNameService: true" }
---
apiVersion: v1
kind: Service
metadata: { name: refused, namespace: default }
spec: { selector: { app: shop }, ports: [{ port: 80, targetPort: 3999 }] }
---
apiVersion: v1
kind: Service
metadata: { name: empty, namespace: default }
spec: { selector: { app: nobody }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: outside, namespace: default }
spec: { type: ExternalName, externalName: nobody.default.svc.cluster.local, ports: [{ port: 80 }] }
---
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: ill, namespace: default }
spec:
  virtualhost: { fqdn: ill.example.com }
  routes:
  - { conditions: [{ prefix: /refused }], services: [{ name: refused, port: 80 }] }
  - { conditions: [{ prefix: /empty }], services: [{ name: empty, port: 80 }] }
  - { conditions: [{ prefix: /outside }], services: [{ name: outside, port: 80 }] }
`);

describe("contour doctor on a real cluster, by exec into Envoys' pods", { timeout: 600_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
    await importProduct(cluster);
    await install("daemonset", "deployment/contour", "daemonset/envoy");
    await cluster.kubectl("apply", "-f", join(root, "examples/operations/shop.yaml"));
    await cluster.kubectl("rollout", "status", "deployment/shop", "--timeout=120s");
  });
  after(async () => await cluster?.stop());

  const install = async (folder: string, ...workloads: readonly string[]): Promise<void> => {
    await cluster.kubectl("apply", "--server-side", "-k", join(root, "deploy", folder));
    for (const workload of workloads) await cluster.kubectl("-n", "projectcontour", "rollout", "status", workload, "--timeout=240s");
  };

  interface Examined {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }
  const examine = async (...args: readonly string[]): Promise<Examined> =>
    cluster.exec(contour, "doctor", "--kubeconfig", cluster.kubeconfigPath, ...args).then((output) => ({ code: 0, ...output }), (error: unknown) => error as Examined);
  const healthy = async (): Promise<Diagnosis> =>
    waitFor(async () => {
      const { code, stdout, stderr } = await examine("--output", "json");
      assert.equal(code, 0, stdout + stderr);
      return JSON.parse(stdout) as Diagnosis;
    }, { what: "the doctor finds nothing", timeoutMs: 60_000 });

  it("finds nothing where all is well: from an Envoy in its pod, to both pods of a Service", async () => {
    const { envoys, cnis, notes } = await healthy();
    assert.deepEqual(envoys.map(({ network, probed, of, failed }) => [network, probed, of, failed]), [["pod", 2, 2, undefined]]);
    assert.deepEqual(envoys[0]?.latency.map(({ way, endpoints }) => [way, endpoints]), [["same-node", 2]]);
    assert.deepEqual([cnis.map(({ name }) => name), notes], [["unknown"], []]);
  });

  it("in a pod of the cluster has all the rights that it needs by deploy/doctor", async () => {
    await cluster.apply([...objectsOf(readFileSync(join(root, "deploy/doctor/rbac.yaml"), "utf8")), ...examiner]);
    const phase = await waitFor(async () => {
      const found = await cluster.kubectl("-n", "projectcontour", "get", "pod", "doctor", "-o", "jsonpath={.status.phase}");
      return ["Succeeded", "Failed"].includes(found) && found;
    }, { what: "the pod ends", timeoutMs: 120_000 });
    const log = await cluster.kubectl("-n", "projectcontour", "logs", "doctor");
    assert.equal(phase, "Succeeded", log);
    const { envoys, findings, notes } = JSON.parse(log) as Diagnosis;
    assert.deepEqual([envoys.map(({ probed, of }) => [probed, of]), findings, notes], [[[2, 2]], [], []]);
  });

  it("without these rights cannot look, and says which one is missing", async () => {
    const { code, stderr } = await examine("--context", "nowhere");
    assert.equal(code, 3);
    assert.match(stderr, /has no context "nowhere"/);
    await cluster.kubectl("-n", "projectcontour", "delete", "pod", "doctor");
    await cluster.kubectl("delete", "clusterrolebinding", "contour-doctor");
    await cluster.apply(examiner);
    await waitFor(async () => (await cluster.kubectl("-n", "projectcontour", "get", "pod", "doctor", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}")) === "3", { what: "the pod ends with code 3", timeoutMs: 120_000 });
    assert.match(await cluster.kubectl("-n", "projectcontour", "logs", "doctor"), /cannot list resource .*docs\/doctor\.md/s);
  });

  it("finds faults, one line each, by the settings that the controller has", async () => {
    await cluster.apply(faults);
    const lines = await waitFor(async () => {
      const { code, stdout } = await examine("ill.example.com", "--timeout", "3s");
      assert.equal(code, 1, stdout);
      const found = stdout.split("\n").filter((line) => line.startsWith("error "));
      assert.deepEqual(found.map((line) => /^error +([\w-]+): HTTPProxy default\/ill/.exec(line)?.[1]).toSorted(), ["name-unresolved", "no-ready-endpoints", "refused"], stdout);
      return found;
    }, { what: "the doctor finds three faults", timeoutMs: 180_000 });
    assert.match(lines.join("\n"), /refused: .* Service default\/refused:80, pod default\/shop-\S+ [\d.]+:3999 on /);
    assert.match(lines.join("\n"), /name-unresolved: .* nobody\.default\.svc\.cluster\.local has no address where Envoy is \(ENOTFOUND\)/);
    for (const object of faults.slice(1)) await cluster.kubectl("delete", object.kind, "-n", "default", object.metadata.name);
  });

  it("looks from the Envoys of a Gateway, too, each fleet at its own backends", async () => {
    await cluster.apply(gatewayCrds());
    await install("gateway-provisioner", "deployment/contour-gateway-provisioner");
    // Two controllers with one name would both write the statuses of its Gateways.
    await cluster.kubectl("-n", "projectcontour", "patch", "deployment", "contour-gateway-provisioner", "--type=json", `--patch=[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--gateway-controller-name=example.com/own"}]`);
    // The leader of several replicas knows of the Envoys that are connected to itself; with one Envoy it may be another.
    await cluster.kubectl("-n", "projectcontour", "scale", "deployment/contour-gateway-provisioner", "--replicas=1");
    await cluster.kubectl("-n", "projectcontour", "rollout", "status", "deployment/contour-gateway-provisioner", "--timeout=240s");
    await cluster.apply(gateway);
    await waitFor(async () => (await cluster.kubectl("get", "pods", "-l", "projectcontour.io/owning-gateway-name=public", "-o", "jsonpath={.items[*].status.containerStatuses[*].ready}")) === "true true", { what: "the Gateway has an Envoy", timeoutMs: 120_000 });
    const { envoys } = await healthy();
    assert.deepEqual(envoys.map(({ fleet, probed, of }) => [fleet, probed, of]).toSorted(), [["", 2, 2], ["default/public", 2, 2]]);
    const { stdout } = await examine("HTTPRoute/default/shop", "--output", "json");
    assert.deepEqual((JSON.parse(stdout) as Diagnosis).envoys.map(({ fleet }) => fleet), ["default/public"]);
    await cluster.kubectl("delete", "gateway", "public");
    await cluster.kubectl("-n", "projectcontour", "delete", "deployment", "contour-gateway-provisioner");
  });

  it("looks from the network of the node where Envoy is there", async () => {
    await install("host-network", "deployment/contour", "daemonset/envoy");
    const { envoys } = await healthy();
    assert.deepEqual(envoys.map(({ network, probed, of }) => [network, probed, of]), [["host", 2, 2]]);
  });
});
