import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startProcess } from "../bed/process.ts";
import type { RunningProcess } from "../bed/process.ts";
import { waitFor } from "../bed/wait.ts";
import { endAllIn } from "./leftovers.ts";

const run = promisify(execFile);

/** One of the two nodes. */
export type NodeName = "n1" | "n2";
/** Both nodes, in order. */
export const nodeNames: readonly NodeName[] = ["n1", "n2"];

/** Addresses of the network that the nodes are on; `client` is outside of the cluster, `control` is where the controller is. */
export const underlay = {
  n1: { v4: "172.31.0.11", v6: "fd31::11" },
  n2: { v4: "172.31.0.12", v6: "fd31::12" },
  control: { v4: "172.31.0.10", v6: "fd31::10" },
  client: { v4: "172.31.0.100", v6: "fd31::100" },
} as const;

const labs = (function* letters(): Generator<string, never> {
  for (let number = 0; ; number++) yield number.toString(36).padStart(2, "a");
})();

/** Network namespaces of this machine as nodes, pods and a client, on one network. All is gone after `down`. */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), `contour-cni-${process.pid}-`));
  readonly #id = `cni${process.pid}${labs.next().value}`;
  readonly #spaces = new Set<string>();
  readonly #processes = new Map<string, RunningProcess>();
  readonly #servers = new Map<string, Server>();
  readonly #cleanups: (() => Promise<unknown>)[] = [];

  /** The namespace of a node, a pod, the client or the control plane, as `ip netns` knows it. */
  space(place: string): string {
    return `${this.#id}-${place}`;
  }

  spacePath(place: string): string {
    return `/run/netns/${this.space(place)}`;
  }

  async addSpace(place: string): Promise<void> {
    await run("ip", ["netns", "add", this.space(place)]);
    this.#spaces.add(place);
    await this.sh(place, "ip link set lo up");
  }

  async removeSpace(place: string): Promise<void> {
    this.#spaces.delete(place);
    await run("ip", ["netns", "del", this.space(place)]);
  }

  /** Runs a shell script in a namespace; throws with what it said unless it ends well. */
  async sh(place: string, script: string, { input, env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {}): Promise<string> {
    const child = run("nsenter", [`--net=${this.spacePath(place)}`, "--", "bash", "-ec", script], { env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
    // Who does not read its input may be gone before it is written.
    child.child.stdin?.on("error", () => undefined).end(input ?? "");
    try {
      return (await child).stdout;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      throw new Error(`in ${place}: ${script}\n${stdout}${stderr}`, { cause: error });
    }
  }

  /** Starts a program in a namespace; `name` is how `stop` knows it. */
  start(name: string, place: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningProcess {
    const running = startProcess({ name, command: "nsenter", args: [`--net=${this.spacePath(place)}`, "--", command, ...args], env, logPath: this.logPath(name) });
    this.#processes.set(name, running);
    return running;
  }

  logPath(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  async stop(name: string): Promise<void> {
    await this.#processes.get(name)?.stop(3000);
    this.#processes.delete(name);
  }

  /** Something to undo at the end that is not a namespace or a program. */
  atEnd(cleanup: () => Promise<unknown>): void {
    this.#cleanups.push(cleanup);
  }

  /** Opens connections, from this process, to addresses as they are seen from a namespace. */
  async dialer(place: string): Promise<(host: string, port: number) => Socket> {
    const path = join(this.folder, `dial-${place}.sock`);
    if (!existsSync(path)) {
      this.start(`dial-${place}`, place, process.execPath, [join(import.meta.dirname, "../bed/relay.ts"), path]);
      await waitFor(() => existsSync(path), { what: `the dialer of ${place} listens` });
    }
    return (host, port) => {
      const socket = connect(path);
      socket.write(`${host} ${port}\n`);
      return socket;
    };
  }

  /** Makes a port of this machine's loopback answer at an address inside a namespace. */
  async publish(place: string, address: string, port: number, localPort: number): Promise<void> {
    const path = join(this.folder, `publish-${place}-${port}.sock`);
    const server = createServer((inside) => {
      const outside = connect(localPort, "127.0.0.1");
      for (const [one, other] of [[inside, outside], [outside, inside]] as const) one.on("error", () => other.destroy()).on("close", () => other.destroy());
      inside.pipe(outside).pipe(inside);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    this.#servers.set(`${place}-${port}`, server);
    this.start(`publish-${place}-${port}`, place, process.execPath, [join(import.meta.dirname, "publish.ts"), address, String(port), path]);
    await waitFor(async () => (await this.sh(place, "ss -Hltn")).includes(`:${port} `), { what: `${address}:${port} listens in ${place}` });
  }

  /** Ends what `publish` began. */
  async unpublish(place: string, port: number): Promise<void> {
    await this.stop(`publish-${place}-${port}`);
    this.#servers.get(`${place}-${port}`)?.close();
    this.#servers.delete(`${place}-${port}`);
  }

  /** Nodes, the client and the control plane, on one network of this MTU. */
  async up(mtu = 1500): Promise<void> {
    await this.addSpace("wire");
    await this.sh("wire", `ip link add br0 type bridge && ip link set br0 mtu ${mtu} up`);
    for (const [place, { v4, v6 }] of Object.entries(underlay)) {
      await this.addSpace(place);
      await this.sh("wire", `ip link add w-${place} type veth peer name eth0 netns ${this.space(place)} && ip link set w-${place} mtu ${mtu} master br0 up`);
      await this.sh(place, `ip link set eth0 mtu ${mtu} up && ip addr add ${v4}/24 dev eth0 && ip -6 addr add ${v6}/64 dev eth0 nodad`);
    }
    for (const node of nodeNames) await this.sh(node, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1; ip route add default via 172.31.0.1");
    mkdirSync(join(this.folder, "cni"), { recursive: true });
  }

  async down(): Promise<void> {
    for (const running of [...this.#processes.values()].toReversed()) await running.stop(2000);
    for (const cleanup of this.#cleanups.toReversed()) await cleanup().catch(() => undefined);
    for (const server of this.#servers.values()) server.close();
    for (const node of nodeNames) await endAllIn(this.space(node));
    for (const place of [...this.#spaces].toReversed()) await this.removeSpace(place).catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
