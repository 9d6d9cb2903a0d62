import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testbedFolder } from "../bed/cache.ts";
import type { Cluster } from "../bed/cluster.ts";
import { sectionsOf } from "./commands.ts";
import type { Section } from "./commands.ts";

const root = join(import.meta.dirname, "../..");

/** Follows the commands of a page as a reader would: in a checkout, in one shell session, on a node of the cluster. */
export class Reader {
  /** The folder with the manifests of the release. */
  readonly checkout = mkdtempSync(join(tmpdir(), "contour-checkout-"));
  readonly sections: readonly Section[];
  readonly #page: string;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, page: string) {
    this.#cluster = cluster;
    this.#page = page;
    this.sections = sectionsOf(join(root, page));
    for (const folder of ["deploy", "crds", "examples"]) cpSync(join(root, folder), join(this.checkout, folder), { recursive: true });
  }

  /** Runs the commands of a section; gives what they print. Variables and functions are there in the next one. */
  async run(title: string): Promise<string> {
    const section = this.sections.find((one) => one.title === title);
    assert.ok(section, `${this.#page} has a section "${title}" with commands`);
    const outputs: string[] = [];
    for (const script of section.scripts) {
      writeFileSync(join(this.checkout, "script"), `set -euo pipefail\ncd ${this.checkout}\nPATH=${join(testbedFolder(), "bin")}:${join(root, "bin")}:$PATH\n[ ! -f session ] || . ./session\n${script}{ declare -p | grep '^declare -- '; declare -f; } >session\n`);
      const { stdout } = await this.#cluster.exec("bash", join(this.checkout, "script")).catch((error: unknown) => Promise.reject(Object.assign(new Error(`${title}:\n${script}\n${String((error as { stderr?: string }).stderr)}`), { cause: error })));
      outputs.push(stdout);
    }
    return outputs.join("\n");
  }

  /** A variable of the session; empty where there is none. */
  variable(name: string): string {
    const session = join(this.checkout, "session");
    return existsSync(session) ? (new RegExp(`^declare -- ${name}="(.*)"$`, "m").exec(readFileSync(session, "utf8"))?.[1] ?? "") : "";
  }

  close(): void {
    rmSync(this.checkout, { recursive: true, force: true });
  }
}
