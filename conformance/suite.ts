import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { testbedFolder } from "../test/bed/cache.ts";
import type { Cluster } from "../test/bed/cluster.ts";
import type { SuiteFacts } from "./facts.ts";
import type { Options } from "./options.ts";
import { gatewayClassName } from "./stage.ts";
import { linesOf } from "./output.ts";

/** One run of the suite's binary. */
export interface SuiteWish {
  readonly facts: SuiteFacts;
  readonly options: Options;
  readonly version: string;
  /** Where the whole output goes. */
  readonly outputPath: string;
  /** Where the suite writes its report. */
  readonly reportPath: string;
  readonly onLine: (line: string) => void;
}

/** Runs the official suite inside the cluster's network and resolves with its exit status. */
export async function runSuite(cluster: Cluster, wish: SuiteWish): Promise<number> {
  const program = [`--net=/run/netns/${cluster.name}`, "--", join(testbedFolder(), "bin", "gateway-conformance.test"), ...suiteArguments(wish)];
  // However this process ends, the suite ends with it.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", "nsenter", ...program], { env: { ...process.env, KUBECONFIG: cluster.kubeconfigPath }, stdio: ["ignore", "pipe", "pipe"] });
  const output = createWriteStream(wish.outputPath);
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  createInterface({ input: child.stdout }).on("line", (line) => linesOf(line).forEach(wish.onLine));
  const [status] = (await once(child, "close")) as [number | null];
  output.end();
  await once(output, "finish");
  return status ?? 1;
}

// Nothing here skips or exempts anything: the features come from the GatewayClass.
function suiteArguments({ facts, options, version, reportPath }: SuiteWish): readonly string[] {
  const { runTest, keep, atATime } = options;
  return [
    "-test.run=^TestConformance$", "-test.v=test2json", "-test.timeout=3h", `-test.parallel=${atATime}`,
    `-gateway-class=${gatewayClassName}`,
    `-conformance-profiles=${facts.profiles.map(({ name }) => name).join(",")}`,
    // The ends of the range that the bed's LoadBalancer gives addresses of, and one beyond it.
    "-usable-address=10.96.200.254", "-unusable-address=10.96.201.1",
    "-organization=contour-ts", "-project=contour-ts", `-version=${version}`, "-url=unpublished", "-contact=unpublished",
    `-report-output=${reportPath}`,
    ...(runTest === undefined ? [] : [`-run-test=${runTest}`]),
    ...(runTest !== undefined && keep ? ["-cleanup-base-resources=false", "-cleanup-test-resources=false"] : []),
  ];
}
