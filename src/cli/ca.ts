import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { Option } from "commander";
import type { Command } from "commander";
import { localCaFolder, openLocalCa, trustInstructions } from "#certs/local-ca";
import { authorityId, trustStores } from "#certs/trust";
import type { TrustStore } from "#certs/trust";

interface Options {
  readonly yes?: boolean;
  readonly output: "text" | "json";
}

interface Root {
  readonly file: string;
  readonly certificate: X509Certificate;
  readonly stores: readonly (TrustStore & { readonly trusts: boolean })[];
}

/** Defines `contour ca`. Nothing is trusted, or not trusted any more, unless a person says so. */
export function defineCa(program: Command, finish: (code: number) => void): void {
  const ca = program.command("ca").description("the certificate authority of this machine, which contour run uses for hosts without a Secret");
  const output = (): Option => new Option("--output <format>", "text or json").choices(["text", "json"]).default("text");
  const yes = "run the commands; without it they are only shown";
  ca.command("show")
    .description("show where the authority is, until when it serves, and who trusts it")
    .addOption(output())
    .addHelpText("after", "\nExamples:\n  contour ca show\n  contour ca show --output json")
    .action((options: Options) => finish(show(options)));
  ca.command("trust")
    .description("have this machine, and the browsers of its user, trust the authority")
    .option("--yes", yes)
    .addHelpText("after", "\nExamples:\n  contour ca trust\n  contour ca trust --yes")
    .action(async (options: Options) => finish(await trust(options)));
  ca.command("untrust")
    .description("take the authority out again; the others are not touched")
    .option("--yes", yes)
    .addHelpText("after", "\nExamples:\n  contour ca untrust\n  contour ca untrust --yes")
    .action((options: Options) => finish(untrust(options)));
}

function show({ output }: Options): number {
  const root = readRoot();
  if (root === undefined) return none();
  const { file, certificate, stores } = root;
  const trustedBy = stores.filter(({ trusts }) => trusts).map(({ name }) => name);
  const facts = { file, subject: certificate.subject.replaceAll("\n", ", "), fingerprint: certificate.fingerprint256, notBefore: certificate.validFromDate.toISOString(), notAfter: certificate.validToDate.toISOString(), trustedBy };
  const lines = output === "json" ? [JSON.stringify(facts)] : [`file         ${facts.file}`, `subject      ${facts.subject}`, `fingerprint  ${facts.fingerprint} (SHA-256)`, `valid        ${facts.notBefore} to ${facts.notAfter}`, `trusted by   ${trustedBy.join(", ") || "nobody"}`];
  for (const line of lines) print(line);
  return 0;
}

async function trust(options: Options): Promise<number> {
  await openLocalCa({ folder: localCaFolder(process.env), now: () => Date.now() });
  const root = readRoot();
  if (root === undefined) return none();
  if (root.stores.length === 0) {
    for (const line of ["no store of authorities is known here; what other systems need:", ...trustInstructions(root.file, process.platform)]) print(line);
    return 1;
  }
  return carryOut(root.stores.filter(({ trusts }) => !trusts), "add", options, "it is trusted already");
}

function untrust(options: Options): number {
  const root = readRoot();
  return root === undefined ? none() : carryOut(root.stores.filter(({ trusts }) => trusts), "remove", options, "nobody trusts it");
}

/** Shows each command before it is run. */
function carryOut(stores: readonly TrustStore[], change: "add" | "remove", { yes }: Options, nothing: string): number {
  if (stores.length === 0) print(nothing);
  for (const store of stores) {
    print(`${change === "add" ? "to be trusted by" : "to be taken out of"} ${store.name}:`);
    for (const command of store[change].map((one) => (store.administrator && process.getuid?.() !== 0 ? ["sudo", ...one] : one))) {
      print(`  ${command.map(quoted).join(" ")}`);
      if (yes !== true) continue;
      const [name = "", ...args] = command;
      const { status, error } = spawnSync(name, args, { stdio: ["inherit", "inherit", "inherit"] });
      if (status !== 0) throw new Error(`${name} failed${error === undefined ? ` (code ${status})` : `: ${error.message}`}; ${store.name} may be unchanged`);
    }
  }
  if (stores.length > 0 && yes !== true) print("nothing was changed; --yes runs these commands");
  return 0;
}

function readRoot(): Root | undefined {
  const file = join(localCaFolder(process.env), "ca.crt");
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const certificate = new X509Certificate(text);
  const stores = trustStores(file, authorityId(text), { home: homedir(), exists: existsSync, has: isProgram });
  return { file, certificate, stores: stores.map((store) => ({ ...store, trusts: trusts(store, certificate) })) };
}

function trusts({ look: [name = "", ...args] }: TrustStore, certificate: X509Certificate): boolean {
  const { status, stdout } = spawnSync(name, args, { encoding: "utf8" });
  return status === 0 && new X509Certificate(stdout).fingerprint256 === certificate.fingerprint256;
}

function isProgram(name: string): boolean {
  return [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"].some((folder) => existsSync(join(folder, name)));
}

function none(): number {
  process.stderr.write("contour ca: this machine has no authority yet; contour run, or contour ca trust, makes it\n");
  return 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
