// Runs the official Gateway API conformance suite against this project's controller, in a cluster of its own. See README.md.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { envoyVersion } from "#settings/envoy";
import { kubernetesVersion, testbedFolder } from "../test/bed/cache.ts";
import { startCluster, type Cluster } from "../test/bed/cluster.ts";
import { readFacts, type SuiteFacts } from "./facts.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { logsByTest } from "./output.ts";
import { followLogs } from "./pod-logs.ts";
import { createProgress } from "./progress.ts";
import { readHead, readRun, type RunHead, writeRecord } from "./record.ts";
import { renderResults } from "./results.ts";
import { setStage } from "./stage.ts";
import { runSuite } from "./suite.ts";
import { judge, type Verdict } from "./verdict.ts";

const root = join(import.meta.dirname, "..");
const reports = join(import.meta.dirname, "reports");

function say(line: string): void {
  console.log(`${new Date().toTimeString().slice(0, 8)} ${line}`);
}

function readVersion(): { readonly release: string; readonly exact: string } {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
  const git = (...args: readonly string[]): string => execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", "src", "proto", "package-lock.json") !== "";
  return { release: `v${version}`, exact: `v${version} (${git("rev-parse", "--short", "HEAD")}${changed ? " with changes" : ""})` };
}

/** The place of everything that one run leaves behind. */
function makeRunFolder({ channel, pace, runTest }: Options): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "");
  const folder = join(testbedFolder(), "conformance", [stamp, channel, pace, runTest].filter((part) => part !== undefined).join("-"));
  mkdirSync(folder, { recursive: true });
  return folder;
}

async function withCluster<T>({ keep, channel }: Options, use: (cluster: Cluster) => Promise<T>): Promise<T> {
  // The CRDs of one channel cannot be replaced by those of the other, so each has a cluster of its own.
  if (keep) process.env["CONTOUR_TEST_CLUSTER"] ??= `conformance-${channel}`;
  say("starting the cluster");
  const cluster = await startCluster();
  try {
    return await use(cluster);
  } finally {
    await cluster.stop();
    if (keep) say(`the cluster ${cluster.name} is left up; end it with: BED_NAME=${cluster.name} test/bed/kubernetes/down.sh --wipe`);
  }
}

/** Runs the suite once; everything worth studying lies in `folder` afterwards. */
async function runOnce(facts: SuiteFacts, options: Options, folder: string): Promise<RunHead> {
  const { release, exact } = readVersion();
  return await withCluster(options, async (cluster) => {
    const logs = [followLogs(join(cluster.folder, "podlogs"), join(folder, "pods")), followLogs(join(cluster.folder, "log"), join(folder, "cluster"))];
    try {
      await setStage(cluster, { facts, channel: options.channel, say });
      const began = new Date();
      say(`the suite runs (its whole output: ${folder}/output.txt)`);
      const exitStatus = await runSuite(cluster, { facts, options, version: release, outputPath: join(folder, "output.txt"), reportPath: join(folder, "report.yaml"), onLine: createProgress(say, Date.now) });
      writeFileSync(join(folder, "events.txt"), await cluster.kubectl("get", "events", "-A", "--sort-by=.lastTimestamp"));
      const { channel, pace, atATime } = options;
      return { channel, pace, atATime, date: began.toISOString(), contour: exact, gatewayApi: facts.version, kubernetes: kubernetesVersion, envoy: `v${envoyVersion}`, exitStatus, seconds: (Date.now() - began.getTime()) / 1000 };
    } finally {
      for (const log of logs) log.stop();
    }
  });
}

// The output mixes the lines of parallel tests.
function splitOutput(folder: string, failed: readonly string[]): void {
  const logs = logsByTest(readFileSync(join(folder, "output.txt"), "utf8"));
  mkdirSync(join(folder, "failed"), { recursive: true });
  for (const test of failed) writeFileSync(join(folder, "failed", `${test}.txt`), logs.get(test) ?? "");
}

/** Keeps what proves the result in the repository, and makes the result page of it and of the other runs. */
function publish(facts: SuiteFacts, { channel, pace, reportPath }: Options, folder: string): void {
  const name = `${channel}-${pace}`;
  mkdirSync(reports, { recursive: true });
  copyFileSync(join(folder, "record.txt"), join(reports, `${name}.txt`));
  const target = reportPath ?? join(reports, `${name}.yaml`);
  if (existsSync(join(folder, "report.yaml"))) copyFileSync(join(folder, "report.yaml"), target);
  else rmSync(target, { force: true }); // not that of an earlier run
  const names = readdirSync(reports).filter((file) => file.endsWith(".txt")).map((file) => file.slice(0, -".txt".length)).toSorted();
  const runs = names.map((run) => {
    const record = readFileSync(join(reports, `${run}.txt`), "utf8");
    return { name: run, head: readHead(record), verdict: judge(facts, readRun(record, join(reports, `${run}.yaml`))) };
  });
  writeFileSync(join(import.meta.dirname, "RESULTS.md"), renderResults(runs));
}

function tell({ passed, failed, skipped, complaints }: Verdict, folder: string): void {
  if (passed.length + failed.length === 0) say(`no test has run; the end of the output:\n${readFileSync(join(folder, "output.txt"), "utf8").split("\n").slice(-25).join("\n")}`);
  say(`${passed.length} passed, ${failed.length} failed, ${skipped.length} did not run`);
  for (const complaint of complaints) say(`- ${complaint}`);
  if (failed.length > 0) say(`what the failed tests wrote: ${folder}/failed`);
  say(`logs of all pods, controller and Envoys included: ${folder}/pods`);
}

async function main(options: Options): Promise<boolean> {
  const { status } = spawnSync("bash", [join(root, "test/bed/setup.sh"), "conformance"], { stdio: "inherit" });
  if (status !== 0) throw new Error("test/bed/setup.sh conformance failed: what it printed says why");
  const facts = await readFacts();
  const folder = makeRunFolder(options);
  const head = await runOnce(facts, options, folder);
  writeFileSync(join(folder, "record.txt"), writeRecord(head, readFileSync(join(folder, "output.txt"), "utf8")));
  const verdict = judge(facts, readRun(readFileSync(join(folder, "record.txt"), "utf8"), join(folder, "report.yaml")));
  splitOutput(folder, verdict.failed);
  if (options.runTest === undefined) publish(facts, options, folder);
  else if (options.reportPath !== undefined && existsSync(join(folder, "report.yaml"))) copyFileSync(join(folder, "report.yaml"), options.reportPath);
  tell(options.runTest === undefined ? verdict : { ...verdict, skipped: [], complaints: [] }, folder);
  return options.runTest === undefined ? verdict.complaints.length === 0 : head.exitStatus === 0;
}

function readOptions(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    return undefined;
  }
}

const options = readOptions();
if (options === undefined) process.exitCode = 2;
else if (!(await main(options))) process.exitCode = 1;
