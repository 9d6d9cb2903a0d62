import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { examineCluster } from "#app/doctor/examine";
import type { Diagnosis } from "#app/doctor/diagnose";
import type { WayIn } from "#app/doctor/way-in";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { ProbeLine } from "#doctor/plan";
import { parseSubject } from "#doctor/subject";
import { kubeconfigAccess } from "#sources/kubernetes/kubeconfig-access";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { startControlPlane } from "../cni/control-plane.ts";
import type { ControlPlane } from "../cni/control-plane.ts";
import { underlay } from "../cni/lab.ts";
import type { NodeName } from "../cni/lab.ts";
import type { Pod } from "../cni/network.ts";
import { Stage } from "../cni/stage.ts";
import { flannelVxlan } from "../cni/wirings/flannel.ts";
import { objectsOf } from "../kubernetes/serving.ts";
import { ports } from "./ward-ports.ts";

const root = join(import.meta.dirname, "../..");
const dayMs = 86_400_000;

/**
 * Two nodes with Flannel's VXLAN, a real API server and controller, an Envoy in a pod and one in the network of node n1, and pods: near on n1, far on n2. As no
 * kubelet is here, the clinic writes the Pods into the API server, and starts the doctor's real probe in the network namespaces of the Envoys.
 */
export class Clinic {
  readonly control: ControlPlane;
  readonly stage: Stage;
  readonly certificates: Certificates;

  private constructor(control: ControlPlane, stage: Stage, certificates: Certificates) {
    this.control = control;
    this.stage = stage;
    this.certificates = certificates;
  }

  static async open(): Promise<Clinic> {
    const control = await startControlPlane();
    const stage = new Stage(flannelVxlan, control);
    try {
      await stage.up();
      const clinic = new Clinic(control, stage, await makeCertificates(join(stage.lab.folder, "certificates")));
      await clinic.#furnish();
      return clinic;
    } catch (error) {
      await stage.down();
      await control.stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.stage.down();
    await this.control.stop();
  }

  /** The doctor's diagnosis, of everything or of some subjects. */
  async examine(...subjects: readonly string[]): Promise<Diagnosis> {
    const { kubeconfigPath } = this.control.api;
    const clock = (): number => Date.now();
    return examineCluster({
      access: kubeconfigAccess({ path: kubeconfigPath, env: process.env, clock }), env: process.env, clock,
      namespace: "projectcontour", envoys: { namespace: "projectcontour", selector: "app=envoy" },
      subjects: subjects.map(parseSubject).flatMap((subject) => (subject.ok ? [subject.value] : [])),
      limits: { depth: "large", concurrency: 16, timeoutMs: 5000, limitMs: 60_000, mostEndpoints: 100, mostEnvoys: 10 },
      probing: true, progress: () => undefined, wayIn: this.#wayIn(),
    });
  }

  /** A Service whose pod is at a port of a ward, with a route of its own: `/name` of clinic.example.com. */
  async service(name: string, port: number, { pod = "far", service = {}, family = "v4" }: { readonly pod?: string; readonly service?: object; readonly family?: "v4" | "v6" } = {}): Promise<void> {
    const at = this.stage.pod(pod);
    await this.apply(`
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { ports: [{ port: 80, targetPort: ${port} }] }
`);
    await this.control.api.apply([slice(name, at, port, family)]);
    await this.route(name, { name, port: 80, ...service });
  }

  /** Writes an HTTPProxy with one route. */
  async route(name: string, service: object): Promise<void> {
    await this.control.api.apply([{ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "shop" }, spec: { virtualhost: { fqdn: `${name}.example.com` }, routes: [{ services: [service] }] } }]);
  }

  async apply(text: string): Promise<void> {
    await this.control.api.apply(objectsOf(text));
  }

  async remove(...objects: readonly (readonly [apiVersion: string, kind: string, name: string, namespace?: string])[]): Promise<void> {
    for (const [apiVersion, kind, name, namespace = "shop"] of objects) await this.control.api.remove({ apiVersion, kind, metadata: { name, namespace } });
  }

  /** Takes away what `service` made. */
  async discharge(name: string): Promise<void> {
    await this.remove(["projectcontour.io/v1", "HTTPProxy", name], ["v1", "Service", name], ["discovery.k8s.io/v1", "EndpointSlice", name]);
  }

  #wayIn(): WayIn {
    const { lab } = this.stage;
    return {
      adminSocket: ({ name }) => join(lab.folder, `${name}.sock`),
      async look({ name }, plan, onLine) {
        const place = name === "envoy" ? "envoy" : "n1";
        const child = spawn("ip", ["netns", "exec", lab.space(place), join(root, "bin/contour"), "doctor", "probe"], { stdio: ["pipe", "pipe", "inherit"] });
        const lines = createInterface({ input: child.stdout });
        // The end of the input is left open, as over exec.
        child.stdin.write(`${JSON.stringify({ ...plan, attended: true })}\n`);
        for await (const line of lines) onLine(JSON.parse(line) as ProbeLine);
        child.stdin.destroy();
      },
    };
  }

  async #furnish(): Promise<void> {
    const { api } = this.control;
    await this.remove(["projectcontour.io/v1", "HTTPProxy", "lab"]);
    await this.apply(`
apiVersion: v1
kind: Node
metadata: { name: n1, annotations: { flannel.alpha.coreos.com/backend-type: vxlan } }
---
apiVersion: v1
kind: Node
metadata: { name: n2, annotations: { flannel.alpha.coreos.com/backend-type: vxlan } }
---
apiVersion: v1
kind: Namespace
metadata: { name: other }
---
apiVersion: projectcontour.io/v1alpha1
kind: ContourConfiguration
metadata: { name: contour, namespace: projectcontour }
spec: { enableExternalNameService: true, envoy: { http: { address: "::", port: 8080 }, cluster: { preferredAddressFamily: Any } } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: contour, namespace: projectcontour }
spec:
  selector: { matchLabels: { app: contour } }
  template:
    metadata: { labels: { app: contour } }
    spec: { containers: [{ name: contour, image: contour, args: [serve, --contour-config-name=contour] }] }
`);
    for (const name of ["near", "far"]) {
      this.stage.lab.start(`ward-${name}`, name, join(root, "bin/node"), [join(import.meta.dirname, "ward.ts"), this.certificates.folder]);
      await this.#writePod(this.stage.pod(name), "backend", false);
    }
    await this.#writePod(this.stage.pod("envoy"), "shutdown-manager", false);
    await this.#writePod({ ...this.stage.pod("envoy"), name: "host-envoy", v4: underlay.n1.v4, v6: underlay.n1.v6 }, "shutdown-manager", true);
    for (const name of ["near", "far"]) await waitFor(async () => (await this.stage.lab.sh(name, "ss -Hltn")).includes(`:${ports.wordy} `), { what: `ward ${name} listens` });
    await api.apply([{ apiVersion: "v1", kind: "Secret", metadata: { name: "authority", namespace: "shop" }, type: "Opaque", data: { "ca.crt": Buffer.from(this.certificates.authority).toString("base64") } } as TestObject]);
    await this.service("well-near", ports.plain, { pod: "near" });
    await this.service("well-far", ports.plain);
    await this.service("well-near6", ports.plain, { pod: "near", family: "v6" });
    await this.service("well-far6", ports.plain, { family: "v6" });
    await this.service("well-wordy", ports.wordy);
    await this.service("well-tls", ports.tls, { service: { protocol: "tls", validation: { caSecret: "authority", subjectName: "secure.shop" } } });
  }

  async #writePod({ name, namespace, labels, node, v4, v6 = "" }: Pod & { readonly node: NodeName }, container: string, hostNetwork: boolean): Promise<void> {
    const { api } = this.control;
    await api.apply([{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace, labels }, spec: { nodeName: node, hostNetwork, containers: [{ name: container, image: "none" }] } } as TestObject]);
    const ips = [{ ip: v4 }, { ip: v6 }];
    const hostIPs = [{ ip: underlay[node].v4 }, { ip: underlay[node].v6 }];
    const answer = await api.request("PATCH", `/api/v1/namespaces/${namespace}/pods/${name}/status`, { status: { phase: "Running", podIP: v4, podIPs: ips, hostIP: underlay[node].v4, hostIPs, conditions: [{ type: "Ready", status: "True" }] } }, "application/merge-patch+json");
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  }
}

/** The EndpointSlice of a Service with one pod. */
export function slice(service: string, pod: Pod, port: number, family: "v4" | "v6" = "v4", ready = true): TestObject {
  return {
    apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice",
    metadata: { name: service, namespace: "shop", labels: { "kubernetes.io/service-name": service } },
    addressType: family === "v4" ? "IPv4" : "IPv6",
    endpoints: [{ addresses: [pod[family] ?? ""], conditions: { ready }, nodeName: pod.node, targetRef: { kind: "Pod", name: pod.name, namespace: pod.namespace } }],
    ports: [{ name: "", port, protocol: "TCP" }],
  };
}

/** What wards show, and what some of them should not. */
export interface Certificates {
  readonly folder: string;
  readonly authority: string;
  readonly otherAuthority: string;
  /** A certificate of a host that has ended, with its key. */
  readonly ended: { readonly certificate: string; readonly key: string };
}

async function makeCertificates(folder: string): Promise<Certificates> {
  mkdirSync(folder);
  const now = Date.now();
  const [authority, other, old] = await Promise.all([createAuthority("CN=clinic", now), createAuthority("CN=other", now), createAuthority("CN=clinic of old", now - 100 * dayMs)]);
  const good = await issueCertificate(authority, { use: "server", dnsName: "secure.shop" }, now);
  const expired = await issueCertificate(old, { use: "server", dnsName: "secure.shop", days: 1 }, now - 100 * dayMs);
  const ended = await issueCertificate(old, { use: "server", dnsName: "ended.example.com", days: 1 }, now - 100 * dayMs);
  writeFileSync(join(folder, "ca.crt"), authority.certificate);
  for (const [name, pair] of [["good", good], ["expired", expired]] as const) {
    writeFileSync(join(folder, `${name}.crt`), pair.certificate);
    writeFileSync(join(folder, `${name}.key`), pair.key);
  }
  return { folder, authority: `${authority.certificate}${old.certificate}`, otherAuthority: other.certificate, ended };
}
