import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { type ApiServer, startApiServer } from "../test/bed/api-server.ts";
import type { TestObject } from "../test/bed/kube-client.ts";
import { waitFor } from "../test/bed/wait.ts";
import { measureChurn } from "./churn.ts";
import { type Bench, measureFirstStart, measureRestarts } from "./cold-start.ts";
import { localAddress } from "./envoy.ts";
import { createBackends, createBasics, createItems } from "./load.ts";
import { measureChanges } from "./one-change.ts";
import { type BenchOptions, parseOptions, usage } from "./options.ts";
import { createReport, type Report } from "./report.ts";
import type { Session } from "./session.ts";
import { measureEnvoyCost, measureFirst200 } from "./through-envoy.ts";

const root = join(import.meta.dirname, "..");

/** Installs the CRDs that the repository ships. */
async function installCrds(api: ApiServer): Promise<void> {
  const folder = join(root, "crds");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".yaml"))) {
    const documents = parseAllDocuments(readFileSync(join(folder, file), "utf8"));
    await api.apply(documents.map((document) => document.toJS() as TestObject | null).filter((object) => object !== null));
  }
  for (const plural of ["httpproxies", "extensionservices", "tlscertificatedelegations"]) await untilServed(api, plural);
}

// A fresh kind is announced before its storage answers; waiting for it is not what is measured.
async function untilServed(api: ApiServer, plural: string): Promise<void> {
  const list = async (): Promise<boolean> => (await api.request("GET", `/apis/projectcontour.io/v1alpha1/${plural}`)).status === 200 || (await api.request("GET", `/apis/projectcontour.io/v1/${plural}`)).status === 200;
  await waitFor(list, { what: `${plural} can be listed` });
}

async function measureSize(options: BenchOptions, report: Report, n: number): Promise<void> {
  const api = await startApiServer();
  try {
    const started = performance.now();
    await installCrds(api);
    await createBasics(api);
    await createItems(api, 0, n);
    await createBackends(api, n, n + options.changes);
    console.log(`n=${n}: objects created in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    await measureAll({ api, n, report, controller: { args: options.serveArgs, target: options.target } }, options);
  } finally {
    await api.stop();
  }
}

async function measureAll(bench: Bench, options: BenchOptions): Promise<void> {
  const wanted = (name: BenchOptions["only"][number]): boolean => options.only.includes(name);
  let session: Session = await measureFirstStart(bench);
  try {
    if (wanted("cold-start")) session = await measureRestarts(bench, session, options.restarts);
    if (wanted("change")) await measureChanges(bench, session, options.changes);
    if (wanted("churn")) await measureChurn(bench, session, options.churnSeconds);
    const binary = process.env["ENVOY_BIN"];
    if (binary === undefined || options.target === "floor") return;
    if (wanted("envoy-cost") && bench.n >= 1000) await measureEnvoyCost(bench, session, { binary, changes: options.changes });
    if (wanted("first-200") && bench.n === 1000) await measureFirst200(bench, session, binary);
  } finally {
    await session.stop();
  }
}

function about(): Readonly<Record<string, unknown>> {
  const commit = execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  return { date: new Date().toISOString().slice(0, 10), commit, node: process.version, kernel: release(), cpu: cpus()[0]?.model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
}

function inOwnNetwork(): boolean {
  return process.env["BENCH_NETWORK"] === "own";
}

/** Runs this program again in a network namespace of its own, where Envoy may bind any port and a backend has an address. */
function enterOwnNetwork(args: readonly string[]): number {
  const envoy = spawnSync(process.execPath, [join(root, "test/bed/ensure-envoy.ts")], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const path = envoy.stdout.trim();
  const env = { ...process.env, BENCH_NETWORK: "own", ...(existsSync(path) ? { ENVOY_BIN: path } : {}) };
  const inside = `ip link set lo up && ip address add ${localAddress}/32 dev lo && exec "$@"`;
  const unshare = process.getuid?.() === 0 ? ["--net"] : ["--net", "--map-root-user"];
  if (spawnSync("unshare", [...unshare, "--", "true"]).status !== 0) throw new Error("No network namespace can be made here (unshare --net): run as root, or in a container that may.");
  const run = spawnSync("unshare", [...unshare, "--", "sh", "-c", inside, "bench", process.execPath, import.meta.filename, ...args], { stdio: "inherit", env });
  return run.status ?? 1;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(usage);
    return 0;
  }
  const options = parseOptions(args);
  if (!inOwnNetwork()) return enterOwnNetwork(args);
  const report = createReport({ target: options.target, ...about() }, options.output);
  for (const n of options.sizes) await measureSize(options, report, n);
  console.log(`\n${report.tables()}`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? (error.stack ?? error.message) : error);
  process.exitCode = 1;
}
