import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { testbedFolder } from "../bed/cache.ts";
import { waitFor } from "../bed/wait.ts";
import type { ControlPlane } from "./control-plane.ts";
import { kubeconfigFor, setEndpoints } from "./control-plane.ts";
import { Lab, nodeNames, underlay } from "./lab.ts";
import type { NodeName } from "./lab.ts";
import type { Pod, PodNetwork, PodWish, Wiring } from "./network.ts";
import { ask } from "./traffic.ts";
import type { Dial, Door } from "./traffic.ts";

const root = join(import.meta.dirname, "../..");
const nodeBinary = join(root, "bin/node");
/** Envoy's HTTP port, in its pod and on a node. */
export const envoyPort = 8080;

/** A wiring with pods, and two Envoys that the controller configures: one in a pod, one in the network of node n1. */
export class Stage {
  readonly lab = new Lab();
  readonly wiring: Wiring;
  readonly control: ControlPlane;
  readonly pods = new Map<string, Pod>();
  network!: PodNetwork;
  /** Envoy in its pod and Envoy on node n1, both asked from beside themselves. */
  readonly doors: { name: string; door: Door }[] = [];
  dialFromClient!: Dial;

  constructor(wiring: Wiring, control: ControlPlane) {
    this.wiring = wiring;
    this.control = control;
  }

  async up(): Promise<void> {
    await this.lab.up();
    await this.lab.publish("control", underlay.control.v4, 8001, this.control.xdsPort);
    this.network = await this.wiring.prepare(this.lab);
    // What leaves the cluster's networks is hidden behind its node, as clusters do it; here that is the way to the controller.
    for (const node of nodeNames) await this.lab.sh(node, "nft -f -", { input: `table ip leave { chain out { type nat hook postrouting priority 110; ip saddr != 172.31.0.0/24 ip daddr ${underlay.control.v4} masquerade\n }\n}\n` });
    await this.addBackend("near", "n1");
    await this.addBackend("far", "n2");
    await this.addPod({ name: "envoy", namespace: "projectcontour", labels: { app: "envoy" }, node: "n1", hostPorts: [{ host: 80, container: envoyPort }] });
    await this.#setAllEndpoints();
    await this.#startEnvoy("envoy", "envoy");
    await this.#startEnvoy("host-envoy", "n1");
    this.dialFromClient = await this.lab.dialer("client");
  }

  async down(): Promise<void> {
    await this.lab.down();
  }

  pod(name: string): Pod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    return pod;
  }

  async addPod(wish: PodWish): Promise<Pod> {
    const pod = await this.network.attach(wish);
    this.pods.set(pod.name, pod);
    return pod;
  }

  /** A pod of namespace shop whose backend listens. */
  async addBackend(name: string, node: NodeName): Promise<Pod> {
    const pod = await this.addPod({ name, namespace: "shop", labels: { app: name }, node });
    this.lab.start(name, name, nodeBinary, [join(import.meta.dirname, "backend.ts"), name]);
    await waitFor(async () => (await this.lab.sh(name, "ss -Hltn")).includes(":8081"), { what: `backend ${name} listens` });
    return pod;
  }

  async removePod(name: string): Promise<void> {
    await this.lab.stop(name);
    await this.network.detach(this.pod(name));
    this.pods.delete(name);
  }

  /** The door of clients outside of the cluster: a port of node n1 that leads to Envoy's pod. */
  get hostPort(): Door {
    return { dial: this.dialFromClient, address: underlay.n1.v4, port: 80 };
  }

  /** The addresses that an Envoy has for a Service. */
  async addressesAt(envoy: string, service: string): Promise<string> {
    const lines = (await this.lab.sh(envoy === "envoy" ? "envoy" : "n1", `curl -s --unix-socket ${this.lab.folder}/${envoy}.sock http://admin/clusters`)).split("\n");
    return lines.filter((line) => line.startsWith(`shop/${service}/`) && line.includes("::cx_active::")).join("\n");
  }

  accessLog(envoy: string): string {
    return readFileSync(this.lab.logPath(envoy), "utf8");
  }

  async #setAllEndpoints(): Promise<void> {
    const [near, far] = [this.pod("near"), this.pod("far")];
    await Promise.all([
      setEndpoints(this.control, "near", [near]), setEndpoints(this.control, "far", [far]),
      setEndpoints(this.control, "mover", [near]), setEndpoints(this.control, "vip", [near, far]),
      setEndpoints(this.control, "calls", [far], "v4", 8081),
      setEndpoints(this.control, "near6", [near], "v6"), setEndpoints(this.control, "far6", [far], "v6"),
      setEndpoints(this.control, "dual", [far]), setEndpoints(this.control, "dual", [far], "v6"),
    ]);
  }

  async #startEnvoy(name: string, place: string): Promise<void> {
    const bootstrap = join(this.lab.folder, `${name}.json`);
    await this.lab.sh(place, `${join(root, "bin/contour")} bootstrap --admin-address ${this.lab.folder}/${name}.sock --xds-address ${underlay.control.v4} --xds-port 8001 ${bootstrap}`);
    const binary = await ensureEnvoyBinary({ env: process.env, progress: () => undefined });
    const [command = "", ...args] = [...(this.network.wrap ?? []), binary, "-c", bootstrap, "--service-node", name, "--service-cluster", "projectcontour", "--concurrency", "1", "--use-dynamic-base-id", "--file-flush-interval-msec", "50", "-l", "warning"];
    this.lab.start(name, place, command, args);
    const door = { dial: await this.lab.dialer(place), address: "127.0.0.1", port: envoyPort };
    const address = this.pod("far").v4;
    await waitFor(async () => (await this.addressesAt(name, "far")).includes(address) && (await ask(door, "/none")).status === 404, { what: `${name} has its configuration\n`, timeoutMs: 30_000 }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.accessLog(name).slice(-2000)}`);
    });
    this.doors.push({ name, door });
  }

  /** Makes cluster IPs work: by the wiring itself, else, or where it does so for pods only, by the real kube-proxy on both nodes. Says who serves them. */
  async serveClusterIps(): Promise<string> {
    const { spec } = await this.control.api.get<{ readonly spec: { readonly clusterIP: string } }>("/api/v1/namespaces/shop/services/vip");
    await this.network.serveClusterIp?.({ ip: spec.clusterIP, port: 80, targetPort: 8080, pods: [this.pod("near"), this.pod("far")] });
    if (this.network.serveClusterIp !== undefined && this.network.clusterIpsOfPodsOnly === undefined) return "the network";
    await this.#startKubeProxies(spec.clusterIP);
    return this.network.serveClusterIp === undefined ? "kube-proxy" : "pods: the network; host network: kube-proxy";
  }

  async #startKubeProxies(clusterIp: string): Promise<void> {
    for (const node of nodeNames) {
      await this.lab.publish(node, "127.0.0.1", 6443, this.control.apiPort);
      const kubeconfig = kubeconfigFor(this.control, "https://127.0.0.1:6443", join(this.lab.folder, `${node}.kubeconfig`));
      this.lab.start(`kube-proxy-${node}`, node, join(testbedFolder(), "bin/kube-proxy"), [`--kubeconfig=${kubeconfig}`, `--hostname-override=${node}`, "--proxy-mode=nftables", "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s", "--detect-local-mode=InterfaceNamePrefix", "--pod-interface-name-prefix=none", "--metrics-bind-address=127.0.0.1:10249", "--healthz-bind-address=127.0.0.1:10256"]);
    }
    for (const node of nodeNames) await waitFor(async () => (await this.lab.sh(node, "nft list table ip kube-proxy")).includes(clusterIp), { what: `kube-proxy of ${node} has written its rules` });
  }
}
