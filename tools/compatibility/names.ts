import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Registry } from "prom-client";
import { observe } from "#app/observe";
import { defineProgram } from "#cli/program";
import { configurationKeys, programKeys } from "#sources/file/configuration-keys";

const root = new URL("../..", import.meta.url).pathname;

/** The kinds of names that users write, read or query. */
export const surfaces = ["flag", "key", "annotation", "metric"] as const;
/** One of these kinds. */
export type Surface = (typeof surfaces)[number];

/** A name of Go Contour, or of ours. */
export interface Name {
  readonly surface: Surface;
  /** The command, the kind of object, or the type of a metric. */
  readonly where: string;
  readonly name: string;
  /** The default of a flag, or the labels of a metric. */
  readonly detail: string;
}

/** Go Contour's names: facts, not read from its code. */
export function goNames(): readonly Name[] {
  const [, ...lines] = readFileSync(join(root, "testdata/compat/names.tsv"), "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const [surface = "", where = "", name = "", detail = ""] = line.split("\t");
    if (!surfaces.some((known) => known === surface)) throw new Error(`testdata/compat/names.tsv: ${JSON.stringify(surface)} is none of ${surfaces.join(", ")}`);
    return { surface: surface as Surface, where, name, detail };
  });
}

/** Our names, read from the code that has them. Annotations are those of the golden stories, which show that they work. */
export async function ourNames(): Promise<readonly Name[]> {
  return [...(await flags()), ...keys(), ...annotations(), ...metrics()];
}

async function flags(): Promise<readonly Name[]> {
  const program = await defineProgram(() => undefined);
  const global = program.options.filter(({ long }) => long !== "--version");
  const walk = (command: Command, path: readonly string[]): readonly Name[] => [
    ...(command.commands.length > 0 ? [] : [...command.options, ...global].map(({ long, defaultValue, defaultValueDescription }) => ({ surface: "flag" as const, where: path.join(" "), name: long ?? "", detail: textOf(defaultValue) === "" ? "" : (defaultValueDescription ?? textOf(defaultValue)) }))),
    ...command.commands.flatMap((child) => walk(child, [...path, child.name()])),
  ];
  return program.commands.flatMap((command) => walk(command, [command.name()]));
}

function textOf(value: unknown): string {
  return value === undefined || (Array.isArray(value) && value.length === 0) ? "" : String(value);
}

function keys(): readonly Name[] {
  return [...programKeys, ...configurationKeys.keys()].map((name) => ({ surface: "key", where: "configuration file", name, detail: "" }));
}

/** Annotations in the manifests of the golden stories, by the kind of their object. */
function annotations(): readonly Name[] {
  const found = new Set<string>();
  for (const file of globSync("testdata/golden/**/manifests/*.yaml", { cwd: root })) {
    for (const document of readFileSync(join(root, file), "utf8").split(/^---$/m)) {
      const kind = /^kind: (\w+)/m.exec(document)?.[1];
      for (const [, name] of document.matchAll(/["']?((?:projectcontour\.io|ingress\.kubernetes\.io|kubernetes\.io)\/[\w.-]+)["']?: /g)) if (kind !== undefined) found.add(`${kind} ${name}`);
    }
  }
  return [...found].toSorted().map((line) => ({ surface: "annotation", where: line.split(" ")[0] ?? "", name: line.split(" ")[1] ?? "", detail: "" }));
}

function metrics(): readonly Name[] {
  const { registry } = observe(() => {
    throw new Error("no metric is read here");
  }, "leader-elect");
  return definitionsOf(registry).map(({ name, type, labelNames = [] }) => ({ surface: "metric", where: type, name, detail: [...labelNames].toSorted().join(", ") }));
}

interface MetricDefinition {
  readonly name: string;
  readonly type: string;
  readonly labelNames?: readonly string[];
}

function definitionsOf(registry: Registry): readonly MetricDefinition[] {
  return registry.getMetricsAsArray() as unknown as readonly MetricDefinition[];
}
