import type { Command } from "commander";
import type { ObjectProblem, Translation } from "#app/translate";
import type { ResourceKind } from "#app/resources";

const allKinds: readonly ResourceKind[] = ["lds", "srds", "cds", "eds", "sds"];
/** `rds` is understood, too: our route configurations travel inside scoped ones. */
const aliases: Readonly<Record<string, ResourceKind>> = { lds: "lds", rds: "srds", srds: "srds", cds: "cds", eds: "eds", sds: "sds" };

interface Options {
  readonly output: string;
  readonly resources?: string;
  readonly status?: boolean;
}

/** Defines `contour translate`. */
export function defineTranslate(program: Command, finish: (code: number) => void): void {
  program
    .command("translate")
    .description("show what manifests become in Envoy, without Envoy or a cluster")
    .argument("<paths...>", "files or folders with Kubernetes manifests; - reads standard input")
    .option("-o, --output <format>", "json or yaml", "yaml")
    .option("--resources <list>", "only these: lds,rds,cds,eds,sds (default: all)")
    .option("--status", "show the status of each object instead of the resources")
    .addHelpText("after", "\nExamples:\n  contour translate examples/quickstart\n  contour translate --resources rds,cds -o json shop.yaml\n  contour translate --status shop.yaml\n\nExit codes: 0 all objects are valid, 1 at least one is not, 2 the command was not understood.")
    .action(async (paths: string[], options: Options) => finish(await translate(paths, options)));
}

async function translate(paths: readonly string[], options: Options): Promise<number> {
  const kinds = options.resources === undefined ? allKinds : options.resources.split(",").flatMap((name) => aliases[name.trim()] ?? []);
  if (kinds.length === 0 || (options.output !== "json" && options.output !== "yaml")) {
    process.stderr.write(`contour translate: ${kinds.length === 0 ? "--resources takes a list of lds, rds, cds, eds, sds" : `-o takes json or yaml, not ${JSON.stringify(options.output)}`}\n`);
    return 2;
  }
  const { readFiles } = await import("#sources/file/read");
  const { translateObjects } = await import("#app/translate");
  const { defaultSettings } = await import("#settings/settings");
  const snapshot = readFiles(paths);
  const translation = translateObjects(snapshot.objects.map((object) => ({ type: "upsert", object })), defaultSettings);
  const shown = options.status === true ? statusView(translation) : Object.fromEntries(kinds.map((kind) => [kind, translation.resources[kind]]));
  process.stdout.write(await render(shown, options.output));
  const failed = printProblems(snapshot, translation.problems);
  return failed ? 1 : 0;
}

function statusView(translation: Translation): unknown {
  return translation.statuses.map(({ kind, namespace, name, status }) => ({ kind, namespace, name, status }));
}

async function render(value: unknown, format: string): Promise<string> {
  if (format === "json") return `${JSON.stringify(value, undefined, 2)}\n`;
  const { stringify } = await import("yaml");
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Prints what is wrong to standard error, with the place in the file. Tells whether any of it is an error. */
function printProblems(snapshot: { readonly problems: readonly { readonly severity: "error" | "warning"; readonly text: string }[]; locateField(ref: { kind: string; namespace: string; name: string }, field: string): string | undefined }, problems: readonly ObjectProblem[]): boolean {
  for (const problem of snapshot.problems) process.stderr.write(`${problem.severity}: ${problem.text}\n`);
  for (const problem of problems) {
    const place = snapshot.locateField(problem, problem.field);
    process.stderr.write(`${problem.severity}: ${place === undefined ? "" : `${place}: `}${problem.kind} ${problem.namespace}/${problem.name} ${problem.field}: ${problem.message}\n`);
  }
  return [...snapshot.problems, ...problems].some((problem) => problem.severity === "error");
}
