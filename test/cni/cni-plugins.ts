import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Lab, NodeName } from "./lab.ts";
import { enforceWithNftables } from "./enforce.ts";
import type { Pod, PodNetwork, PodWish } from "./network.ts";

/** A list of CNI plugins as a file of /etc/cni/net.d has it. */
export interface PluginList {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly (Readonly<Record<string, unknown>> & { readonly type: string; readonly capabilities?: Readonly<Record<string, boolean>> })[];
}

interface CniResult {
  readonly interfaces?: readonly { readonly name: string; readonly sandbox?: string }[];
  readonly ips: readonly { readonly address: string }[];
}

/** Where Debian keeps the reference plugins. */
export const debianPlugins = "/usr/lib/cni";

/** Calls plugins as a container runtime does (CNI specification, section 3): ADD in order, each with the result of the one before, DEL in reverse. */
export class PluginRunner {
  readonly #lab: Lab;
  readonly #listOf: (node: NodeName) => PluginList;
  readonly #path: string;
  readonly #results = new Map<string, CniResult>();

  constructor(lab: Lab, listOf: (node: NodeName) => PluginList, path = debianPlugins) {
    this.#lab = lab;
    this.#listOf = listOf;
    this.#path = path;
  }

  /** Connects a pod; `connected` is what a wiring has done in place of the first plugin. */
  async add(pod: PodWish, connected?: object): Promise<Pod> {
    if (connected === undefined) await this.#lab.addSpace(pod.name);
    let previous = connected as CniResult | undefined;
    for (const plugin of this.#listOf(pod.node).plugins) previous = await this.#call("ADD", pod, plugin, previous);
    if (previous === undefined) throw new Error("the list has no plugins");
    this.#results.set(pod.name, previous);
    const addresses = previous.ips.map(({ address }) => address.split("/")[0] ?? "");
    const v6 = addresses.find((address) => address.includes(":"));
    const hostInterface = previous.interfaces?.find(({ name, sandbox }) => (sandbox ?? "") === "" && /^(veth|cali|lxc)/.test(name))?.name ?? (await this.#peerOf(pod));
    return { ...pod, v4: addresses.find((address) => !address.includes(":")) ?? "", ...(v6 === undefined ? {} : { v6 }), hostInterface };
  }

  async remove(pod: Pod): Promise<void> {
    for (const plugin of this.#listOf(pod.node).plugins.toReversed()) await this.#call("DEL", pod, plugin, this.#results.get(pod.name));
    await this.#lab.removeSpace(pod.name);
  }

  async #peerOf(pod: PodWish): Promise<string> {
    const [link] = JSON.parse(await this.#lab.sh(pod.name, "ip -j link show eth0")) as readonly { readonly link_index?: number }[];
    const links = JSON.parse(await this.#lab.sh(pod.node, "ip -j link")) as readonly { readonly ifindex: number; readonly ifname: string }[];
    return links.find(({ ifindex }) => ifindex === link?.link_index)?.ifname ?? "";
  }

  async #call(command: "ADD" | "DEL", pod: PodWish, plugin: PluginList["plugins"][number], previous: CniResult | undefined): Promise<CniResult | undefined> {
    const { cniVersion, name } = this.#listOf(pod.node);
    const portMappings = (pod.hostPorts ?? []).map(({ host, container }) => ({ hostPort: host, containerPort: container, protocol: "tcp" }));
    const configuration = { ...plugin, cniVersion, name, ...(previous === undefined ? {} : { prevResult: previous }), ...(plugin.capabilities?.["portMappings"] === true ? { runtimeConfig: { portMappings } } : {}) };
    const binary = this.#path.split(":").map((folder) => join(folder, plugin.type)).find((path) => existsSync(path));
    if (binary === undefined) throw new Error(`no CNI plugin ${plugin.type} in ${this.#path}`);
    const env = { CNI_COMMAND: command, CNI_CONTAINERID: this.#lab.space(pod.name), CNI_NETNS: this.#lab.spacePath(pod.name), CNI_IFNAME: "eth0", CNI_PATH: this.#path, CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${pod.namespace};K8S_POD_NAME=${pod.name};K8S_POD_INFRA_CONTAINER_ID=${this.#lab.space(pod.name)}` };
    const answer = await this.#lab.sh(pod.node, binary, { input: JSON.stringify(configuration), env });
    return command === "ADD" ? (JSON.parse(answer) as CniResult) : undefined;
  }
}

/** A pod network whose pods real plugins connect; policies by nftables. */
export function pluginNetwork(lab: Lab, listOf: (node: NodeName) => PluginList, nodeAddresses: PodNetwork["nodeAddresses"], path?: string): PodNetwork {
  const runner = new PluginRunner(lab, listOf, path);
  return { attach: (pod) => runner.add(pod), detach: (pod) => runner.remove(pod), enforce: (rules) => enforceWithNftables(lab, rules), nodeAddresses };
}
