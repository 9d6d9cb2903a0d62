import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pluginNetwork } from "../cni-plugins.ts";
import type { PluginList } from "../cni-plugins.ts";
import { nodeNames, underlay } from "../lab.ts";
import type { NodeName } from "../lab.ts";
import type { Wiring } from "../network.ts";

/**
 * Somebody's own plugins and their configuration: DIR/n1 and DIR/n2 where the nodes differ. A program `start` beside a configuration is run in the node's
 * network before pods come, for routes and daemons; what it leaves running ends with the lab.
 */
export function givenWiring(binaries: string, configuration: string): Wiring {
  const lists: Readonly<Record<NodeName, PluginList>> = { n1: readList(configuration, "n1"), n2: readList(configuration, "n2") };
  const portmap = lists.n1.plugins.some(({ capabilities }) => capabilities?.["portMappings"] === true);
  return {
    name: `given: ${lists.n1.name}`,
    component: `real: ${lists.n1.plugins.map(({ type }) => type).join(", ")}, as given`,
    v6: JSON.stringify(lists.n1).includes(":/"), hostPort: portmap ? "either" : "none",
    async prepare(lab) {
      for (const node of nodeNames) {
        const start = join(folderOf(configuration, node), "start");
        if (existsSync(start)) await lab.sh(node, start, { env: { NODE_NAME: node, NODE_ADDRESS: underlay[node].v4, CNI_PATH: binaries } });
      }
      return pluginNetwork(lab, (node) => lists[node], () => "unknown", binaries);
    },
  };
}

function folderOf(folder: string, node: NodeName): string {
  const own = join(folder, node);
  return existsSync(own) ? own : folder;
}

function readList(folder: string, node: NodeName): PluginList {
  const from = folderOf(folder, node);
  const file = readdirSync(from).filter((name) => /\.(conf|conflist|json)$/.test(name)).toSorted()[0];
  if (file === undefined) throw new Error(`--cni-conf: no .conflist or .conf in ${from}`);
  const read = JSON.parse(readFileSync(join(from, file), "utf8")) as Partial<PluginList> & { readonly type?: string };
  if (read.plugins === undefined && read.type === undefined) throw new Error(`${join(from, file)}: neither a list of plugins nor a plugin`);
  return { cniVersion: read.cniVersion ?? "0.4.0", name: read.name ?? "given", plugins: read.plugins ?? [read as PluginList["plugins"][number]] };
}
