import { Option } from "commander";
import type { Command } from "commander";
import type { Diagnosis } from "#app/doctor/diagnose";
import type { Examination } from "#app/doctor/examine";
import type { RunFacts } from "#app/doctor/run-door";
import type { ProbeDepth } from "#doctor/plan";
import { parseSubject } from "#doctor/subject";
import { parseCount, parseDuration } from "#cli/number-option";

interface Options {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly run?: boolean;
  readonly runPid?: number;
  readonly namespace: string;
  readonly envoyNamespace?: string;
  readonly envoySelector: string;
  readonly probe: ProbeDepth | "none";
  readonly timeout: number;
  readonly maxTime: number;
  readonly concurrency: number;
  readonly maxEndpoints: number;
  readonly maxEnvoys: number;
  readonly output: "text" | "json";
}

const help = `
What is sent: to each address behind a route, over new connections, a GET of the route's path, and one with a body of 65000 bytes.
What is found, and the rights that it takes: docs/doctor.md.

Examples:
  contour doctor                                  all routes of a cluster, from all its Envoys
  contour doctor https://shop.example.com/cart    the routes of one URL
  contour doctor shop/web Gateway/infra/public    what two objects say
  contour doctor --run                            beside contour run, on this machine
  contour doctor --probe none                     look at objects only, send nothing
  contour doctor --output json | jq -r '.findings[] | "\\(.id) \\(.who)"'

Exit codes: 0 nothing is wrong, or warnings only, 1 something is, 2 the command was not understood, 3 it could not look.`;

/** Defines `contour doctor`, and the probe that it starts beside Envoys. */
export function defineDoctor(program: Command, finish: (code: number) => void): void {
  const duration = (flag: string, description: string, ms: number, text: string): Option => new Option(`${flag} <duration>`, description).default(ms, text).argParser(parseDuration);
  const doctor = program
    .command("doctor")
    .description("find what keeps requests from their pods: in objects, in policies, and on the way from each Envoy's own place in the network")
    .argument("[subjects...]", "a host, a URL, NAMESPACE/NAME or KIND/NAMESPACE/NAME; none is everything")
    .option("--kubeconfig <file>", "how to reach the API server (default: this pod's service account, what KUBECONFIG names, ~/.kube/config)")
    .option("--context <name>", "the context of the kubeconfig (default: its current one)")
    .option("--run", "examine the contour run of this machine; the default where there is no cluster to ask")
    .option("--run-pid <pid>", "which one, where several run", parseCount)
    .option("--namespace <name>", "the controller's namespace (env CONTOUR_NAMESPACE)", process.env["CONTOUR_NAMESPACE"] ?? "projectcontour")
    .option("--envoy-namespace <name>", "the namespace of Envoys, where it is another one; those of Gateways are found anywhere")
    .option("--envoy-selector <labels>", "the labels of their pods", "app=envoy")
    .addOption(new Option("--probe <depth>", "how far probes go: a connection, a small request, a large one, too").choices(["none", "connect", "small", "large"]).default("large"))
    .addOption(duration("--timeout", "how long an answer may take", 5000, "5s"))
    .addOption(duration("--max-time", "how long probes of one Envoy may take together", 300_000, "5m"))
    .option("--concurrency <count>", "probes of one Envoy at once", parseCount, 16)
    .option("--max-endpoints <count>", "addresses that are tried from one Envoy; of more, each Envoy tries another part", parseCount, 1000)
    .option("--max-envoys <count>", "Envoys from whose place probes go; of more, some of each fleet and node", parseCount, 10)
    .addOption(new Option("--output <format>", "text or json").choices(["text", "json"]).default("text"))
    .addHelpText("after", help)
    .action(async (subjects: string[], options: Options) => finish(await examine(subjects, options)));
  doctor
    .command("probe", { hidden: true })
    .description("try what a plan on standard input says, from here: contour doctor starts it beside Envoys")
    .action(async () => finish(await probe()));
}

/** Looked-up names may still be waited for by the system: nothing else is. */
async function probe(): Promise<number> {
  const { serveProbe } = await import("#doctor/probe/serve");
  const code = await serveProbe(process.stdin, process.stdout, (text) => void process.stderr.write(text));
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  process.exit(code);
}

async function examine(texts: readonly string[], options: Options): Promise<number> {
  const parsed = texts.map(parseSubject);
  const wrong = parsed.find((subject) => !subject.ok);
  if (wrong !== undefined && !wrong.ok) {
    process.stderr.write(`contour doctor: ${wrong.error}\n`);
    return 2;
  }
  const { doctorOutput } = await import("#cli/terminal/doctor-output");
  const { depth, probing } = { depth: options.probe === "none" ? ("connect" as const) : options.probe, probing: options.probe !== "none" };
  const wish: Examination = {
    subjects: parsed.flatMap((subject) => (subject.ok ? [subject.value] : [])),
    limits: { depth, concurrency: options.concurrency, timeoutMs: options.timeout, limitMs: options.maxTime, mostEndpoints: options.maxEndpoints, mostEnvoys: options.maxEnvoys },
    probing,
    progress: (line) => void (process.stderr.isTTY && process.stderr.write(`${line}\n`)),
  };
  const diagnosis = await diagnoseHere(wish, options);
  if (typeof diagnosis === "string") {
    process.stderr.write(`contour doctor: ${diagnosis}\n`);
    return 3;
  }
  process.stdout.write(options.output === "json" ? `${JSON.stringify(diagnosis, undefined, 2)}\n` : doctorOutput(diagnosis));
  if (diagnosis.findings.some(({ severity }) => severity === "error")) return 1;
  return diagnosis.envoys.some(({ failed, probed, of }) => failed !== undefined && probed === 0 && of > 0) ? 3 : 0;
}

async function diagnoseHere(wish: Examination, options: Options): Promise<Diagnosis | string> {
  const { examineCluster, examineRun } = await import("#app/doctor/examine");
  const run = await chosenRun(options);
  if (typeof run === "string") return run;
  if (run !== undefined) return examineRun(wish, run);
  const [{ inClusterAccess, isInCluster }, { kubeconfigAccess }] = await Promise.all([import("#sources/kubernetes/in-cluster"), import("#sources/kubernetes/kubeconfig-access")]);
  const clock = (): number => Date.now();
  const { env } = process;
  const { kubeconfig: path, context, namespace, envoyNamespace = namespace, envoySelector: selector } = options;
  const access = path === undefined && isInCluster({ env }) ? inClusterAccess({ env, clock }) : kubeconfigAccess({ env, clock, ...(path === undefined ? {} : { path }), ...(context === undefined ? {} : { context }) });
  const { statusOf } = await import("#sources/kubernetes/api-error");
  return examineCluster({ ...wish, access, env, namespace, envoys: { namespace: envoyNamespace, selector }, clock }).catch((error: unknown) => {
    if (statusOf(error) !== 403) throw error;
    return `${error instanceof Error ? error.message : String(error)}; the rights that it takes are in deploy/doctor, and docs/doctor.md says what for`;
  });
}

/** The `contour run` to examine; undefined for a cluster, a text where there is none or it is not clear which. */
async function chosenRun({ run, runPid, kubeconfig, context }: Options): Promise<RunFacts | string | undefined> {
  if (run !== true && runPid === undefined && (kubeconfig !== undefined || context !== undefined || (await hasCluster()))) return undefined;
  const { findRuns } = await import("#app/doctor/run-door");
  const runs = await findRuns();
  const fitting = runPid === undefined ? runs : runs.filter(({ pid }) => pid === runPid);
  const [only, second] = fitting;
  if (only !== undefined && second === undefined) return only;
  if (second !== undefined) return `several runs are there: ${fitting.map(({ pid, paths }) => `${pid} (${paths.join(" ")})`).join(", ")}; name one with --run-pid`;
  return run === true || runPid !== undefined ? "no contour run of this user is there; start one: contour run DIR" : "there is no kubeconfig, and no contour run of this user; name one with --kubeconfig, or start contour run DIR";
}

async function hasCluster(): Promise<boolean> {
  const [{ isInCluster }, { kubeconfigFiles }, { existsSync }] = await Promise.all([import("#sources/kubernetes/in-cluster"), import("#sources/kubernetes/kubeconfig-access"), import("node:fs")]);
  return isInCluster({ env: process.env }) || kubeconfigFiles(process.env).some((file) => existsSync(file));
}
