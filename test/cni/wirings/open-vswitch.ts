import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../bed/wait.ts";
import type { Lab, NodeName } from "../lab.ts";
import { toolsEnv, toolsFolder } from "../tools.ts";

/** A real Open vSwitch on a node, with its userspace (netdev) datapath. */
export class OpenVSwitch {
  readonly #lab: Lab;
  readonly #node: NodeName;
  readonly #folder: string;

  constructor(lab: Lab, node: NodeName) {
    this.#lab = lab;
    this.#node = node;
    this.#folder = join(lab.folder, `ovs-${node}`);
  }

  /** Starts the database and the switch. */
  async start(): Promise<void> {
    mkdirSync(this.#folder);
    const env = this.#env();
    await this.#run(`ovsdb-tool create ${this.#folder}/conf.db ${toolsFolder}/usr/share/openvswitch/vswitch.ovsschema`);
    this.#lab.start(`ovsdb-${this.#node}`, this.#node, "ovsdb-server", [`${this.#folder}/conf.db`, `--remote=punix:${this.#folder}/db.sock`, `--unixctl=${this.#folder}/ovsdb.ctl`], env);
    await waitFor(() => this.vsctl("--no-wait init").then(() => true), { what: `the database of Open vSwitch on ${this.#node} answers` });
    const vswitchd = this.#lab.start(`vswitchd-${this.#node}`, this.#node, "ovs-vswitchd", [`unix:${this.#folder}/db.sock`, `--unixctl=${this.#folder}/vswitchd.ctl`, "-vconsole:warn"], env);
    await waitFor(() => this.#run(`ovs-appctl -t ${this.#folder}/vswitchd.ctl version`).then(() => true), { what: `Open vSwitch runs on ${this.#node}` }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${vswitchd.logTail()}`);
    });
  }

  /** Changes the database, and waits until the switch has done it. */
  vsctl(command: string): Promise<string> {
    return this.#run(`ovs-vsctl --timeout=20 --db=unix:${this.#folder}/db.sock ${command}`);
  }

  /** Adds flows to a bridge; one per line. */
  async addFlows(bridge: string, flows: readonly string[]): Promise<void> {
    await this.#run(`ovs-ofctl -O OpenFlow15 add-flows ${this.#socket(bridge)} -`, `${flows.join("\n")}\n`);
  }

  /** Adds and deletes flows, all at once: each line is `add FLOW` or `delete MATCH`. What the datapath has in its cache would go by the old ones for a moment. */
  async changeFlows(bridge: string, changes: readonly string[]): Promise<void> {
    await this.#run(`ovs-ofctl -O OpenFlow15 --bundle add-flows ${this.#socket(bridge)} -`, `${changes.join("\n")}\n`);
    await this.#run(`ovs-appctl -t ${this.#folder}/vswitchd.ctl revalidator/purge`);
  }

  /** Any command of OpenFlow: `add-group BRIDGE …`, with the bridge's socket in its place. */
  openFlow(command: string, bridge: string, rest = ""): Promise<string> {
    return this.#run(`ovs-ofctl -O OpenFlow15 ${command} ${this.#socket(bridge)} ${rest}`);
  }

  /** The OpenFlow number of a port. */
  async portNumber(name: string): Promise<number> {
    return Number((await this.vsctl(`get Interface ${name} ofport`)).trim());
  }

  #socket(bridge: string): string {
    return `unix:${this.#folder}/${bridge}.mgmt`;
  }

  #env(): Readonly<Record<string, string>> {
    return { ...toolsEnv(), OVS_RUNDIR: this.#folder, OVS_LOGDIR: this.#folder, OVS_DBDIR: this.#folder, OVS_SYSCONFDIR: this.#folder };
  }

  #run(script: string, input?: string): Promise<string> {
    return this.#lab.sh(this.#node, script, { env: this.#env(), ...(input === undefined ? {} : { input }) });
  }
}
