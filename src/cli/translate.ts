import type { Command } from "commander";
import type { ObjectProblem, Translation } from "#app/translate";
import type { ResourceKind } from "#app/resources";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { FileSnapshot } from "#sources/file/read";

const allKinds: readonly ResourceKind[] = ["lds", "srds", "cds", "eds", "sds"];
/** `rds` is understood, too: our route configurations travel inside scoped ones. */
const aliases: Readonly<Record<string, ResourceKind>> = { lds: "lds", rds: "srds", srds: "srds", cds: "cds", eds: "eds", sds: "sds" };

/** The options of `contour translate` as they are written. */
export interface TranslateOptions {
  readonly output: string;
  readonly resources?: string;
  readonly status?: boolean;
  readonly contourConfigName?: string;
}

/** Defines `contour translate`. */
export function defineTranslate(program: Command, finish: (code: number) => void): void {
  program
    .command("translate")
    .description("show what manifests become in Envoy, without Envoy or a cluster")
    .argument("<paths...>", "files or folders with Kubernetes manifests; - reads standard input")
    .option("-o, --output <format>", "json or yaml", "yaml")
    .option("--resources <list>", "only these: lds,rds,cds,eds,sds (default: all)")
    .option("--contour-config-name <name>", "the ContourConfiguration to use, where the files have several")
    .option("--status", "show the status of each object instead of the resources")
    .addHelpText("after", "\nExamples:\n  contour translate shop.yaml shared/\n  contour translate --resources rds,cds -o json shop.yaml\n  contour translate --status shop.yaml\n\nExit codes: 0 all objects are valid, 1 at least one is not, 2 the command was not understood.")
    .action(async (paths: string[], options: TranslateOptions) => finish(await translate(paths, options, { out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text) })));
}

/** Where a command writes. */
export interface CommandOutput {
  out(text: string): void;
  err(text: string): void;
}

/** What `contour translate` does; gives its exit code. */
export async function translate(paths: readonly string[], options: TranslateOptions, output: CommandOutput): Promise<number> {
  const kinds = parseKinds(options.resources);
  if (!kinds.ok || (options.output !== "json" && options.output !== "yaml")) {
    output.err(`contour translate: ${kinds.ok ? `-o takes json or yaml, not ${JSON.stringify(options.output)}` : kinds.error}\n`);
    return 2;
  }
  const { readFiles } = await import("#sources/file/read");
  const { translateObjects, translateSettings } = await import("#app/translate");
  const { applyConfigurationOf } = await import("#app/configuration");
  const { defaultEnvoySettings } = await import("#settings/envoy");
  const snapshot = readFiles(paths);
  const configured = applyConfigurationOf({ settings: translateSettings, envoySettings: defaultEnvoySettings }, snapshot.objects, options.contourConfigName);
  if (!configured.ok) {
    output.err(`contour translate: ${configured.error}\n`);
    return 2;
  }
  const { settings, envoySettings, problems } = configured.value;
  const translation = translateObjects(snapshot.objects.map((object) => ({ type: "upsert", object })), settings, envoySettings);
  const shown = options.status === true ? statusView(translation) : Object.fromEntries(kinds.value.map((kind) => [kind, kind === "eds" ? { ...translation.resources.eds, ...translation.nearEndpoints } : translation.resources[kind]]));
  output.out(await render(shown, options.output));
  return printProblems(snapshot, [...problems, ...translation.problems], output) ? 1 : 0;
}

function parseKinds(list: string | undefined): Result<readonly ResourceKind[], string> {
  const names = list?.split(",").map((name) => name.trim()) ?? allKinds;
  const unknown = names.find((name) => aliases[name] === undefined);
  if (unknown !== undefined) return fail(`--resources takes a list of lds, rds, cds, eds and sds, not ${JSON.stringify(unknown)}`);
  return ok(names.flatMap((name) => aliases[name] ?? []));
}

function statusView(translation: Translation): unknown {
  return translation.statuses.map(({ kind, namespace, name, status }) => ({ kind, namespace, name, status }));
}

async function render(value: unknown, format: string): Promise<string> {
  if (format === "json") return `${JSON.stringify(value, undefined, 2)}\n`;
  const { stringify } = await import("yaml");
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Says what is wrong, with the place in the file. Tells whether any of it is an error. */
function printProblems(snapshot: FileSnapshot, problems: readonly ObjectProblem[], output: CommandOutput): boolean {
  for (const problem of snapshot.problems) output.err(`${problem.severity}: ${problem.text}\n`);
  for (const problem of problems) {
    const place = snapshot.locateField(problem, problem.field);
    output.err(`${problem.severity}: ${place === undefined ? "" : `${place}: `}${problem.kind} ${problem.namespace}/${problem.name} ${problem.field}: ${problem.message}\n`);
  }
  return [...snapshot.problems, ...problems].some((problem) => problem.severity === "error");
}
