import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Lab, NodeName } from "../lab.ts";
import { nodeNames } from "../lab.ts";
import { toolsEnv, toolsFolder } from "../tools.ts";

/** Numbers that eBPF programs know senders by. */
export const identity = { any: 0, host: 1, remoteNode: 6, enforced: 0xffffffff } as const;

/** The eBPF programs and maps of both nodes, in a file system of their own. */
export class CiliumMaps {
  readonly #lab: Lab;
  readonly #folder: string;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#folder = join(lab.folder, "bpf");
  }

  /** Compiles the programs, and has the kernel verify and keep them, once for each node. */
  async load(): Promise<void> {
    const object = join(this.#lab.folder, "cilium.bpf.o");
    const headers = join(toolsFolder, "usr/include");
    const machine = readdirSync(headers).find((name) => name.endsWith("-linux-gnu")) ?? "";
    await this.#run(`clang -O2 -g -Wall -Werror -target bpf -idirafter ${headers} -idirafter ${join(headers, machine)} -c ${join(import.meta.dirname, "cilium.bpf.c")} -o ${object}`);
    mkdirSync(this.#folder);
    await this.#run(`mount -t bpf bpf ${this.#folder}`);
    this.#lab.atEnd(() => this.#run(`umount ${this.#folder}`));
    for (const node of nodeNames) await this.#run(`bpftool prog loadall ${object} ${this.#folder}/${node} pinmaps ${this.#folder}/${node}-maps`);
  }

  /** Where a program is, for `tc filter … bpf direct-action object-pinned`. */
  program(node: NodeName, name: "from_container" | "to_container" | "from_host" | "from_overlay" | "connect4"): string {
    return join(this.#folder, node, name);
  }

  /** Changes maps of a node: each line is `set MAP KEY VALUE` or `delete MAP KEY`, done in one go. */
  async change(node: NodeName, changes: readonly MapChange[]): Promise<void> {
    const lines = changes.map(({ map, key, value }) => `map ${value === undefined ? "delete" : "update"} pinned ${this.#folder}/${node}-maps/${map} key ${bytes(key)}${value === undefined ? "" : ` value ${bytes(value)}`}`);
    await this.#run("bpftool batch file - >/dev/null", `${lines.join("\n")}\n`);
  }

  /** A cgroup whose sockets have their cluster IPs replaced. Gives its folder. */
  async socketGroup(node: NodeName): Promise<string> {
    const mounted = join(this.#lab.folder, "cgroup");
    mkdirSync(mounted);
    await this.#run(`mount -t cgroup2 none ${mounted}`);
    this.#lab.atEnd(() => this.#run(`umount ${mounted}`));
    const group = join(mounted, this.#lab.space("sockets"));
    await this.#run(`mkdir ${group} && bpftool cgroup attach ${group} connect4 pinned ${this.program(node, "connect4")}`);
    this.#lab.atEnd(() => this.#run(`rmdir ${group}`));
    return group;
  }

  #run(script: string, input?: string): Promise<string> {
    return this.#lab.sh("wire", script, { env: toolsEnv(), ...(input === undefined ? {} : { input }) });
  }
}

/** An entry of a map to be set, or to be deleted where it has no value. */
export interface MapChange {
  readonly map: "endpoints" | "identities" | "policy" | "services" | "overlay";
  readonly key: Buffer;
  readonly value?: Buffer;
}

function bytes(buffer: Buffer): string {
  return [...buffer].join(" ");
}

/** An address as the maps have it: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export function address16(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from([...Buffer.alloc(10), 0xff, 0xff, ...address4(address)]);
  const [head = "", tail = ""] = address.split("::");
  const words = (part: string): readonly number[] => (part === "" ? [] : part.split(":").map((word) => parseInt(word, 16)));
  const [first, last] = [words(head), words(tail)];
  const all = address.includes("::") ? [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last] : first;
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

/** The four bytes of an IPv4 address. */
export function address4(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

/** Numbers in this machine's byte order, as programs read them. */
export function numbers(...values: readonly number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer);
}
