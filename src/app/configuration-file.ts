import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import type { FieldPath } from "#k8s/object";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { parseConfigurationFile } from "#sources/file/configuration-file";
import type { ProgramConfiguration } from "#sources/file/configuration-file";
import { readText } from "#sources/file/follow-text";

/** What a configuration file says. */
export interface ReadConfigurationFile {
  readonly path: string;
  /** How it is written, or why it cannot be read. */
  readonly text: Result<string, string>;
  /** What is a flag alone: a flag that is given wins over it. */
  readonly program: ProgramConfiguration;
  /** Everything else, without what flags that are given say. */
  readonly spec: ContourConfiguration["spec"];
  /** Says where a field is. */
  readonly describe: (path: FieldPath, message: string) => string;
  /** Keys that are understood and have no effect here. */
  readonly idle: readonly string[];
}

/** The fields that are flags, too: a flag that is given wins. */
const fieldsOfFlags: Readonly<Record<string, readonly string[]>> = {
  ingressStatusAddress: ["ingress", "statusAddress"],
  envoyServiceName: ["envoy", "service", "name"],
  envoyServiceNamespace: ["envoy", "service", "namespace"],
  accesslogFormat: ["envoy", "logging", "accessLogFormat"],
};

/** The file in a folder that is named instead of a file: that one may come later, as the contents of a ConfigMap do. */
const fileOfFolder = "contour.yaml";

/** Reads a configuration file, or the one in a folder. Errors are lines with the file, line and column, and what to write instead. */
export function readConfigurationFile(path: string, isGiven: (flag: string) => boolean): Result<ReadConfigurationFile, readonly string[]> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = isFolder ? join(path, fileOfFolder) : path;
  const text = readText(file);
  if (text.ok) return parseConfiguration(file, text.value, isGiven);
  if (!isFolder || existsSync(file)) return fail([text.error]);
  const empty = parseConfiguration(file, "", isGiven);
  return empty.ok ? ok({ ...empty.value, text }) : empty;
}

/** The same for a text that was read already. */
export function parseConfiguration(path: string, text: string, isGiven: (flag: string) => boolean): Result<ReadConfigurationFile, readonly string[]> {
  const file = parseConfigurationFile(path, text);
  if (!file.ok) return file;
  const { program, configuration, idle, describe } = file.value;
  const given = Object.entries(fieldsOfFlags).flatMap(([flag, field]) => (isGiven(flag) ? [field] : []));
  const spec = given.reduce<unknown>((rest, field) => without(rest, field), (configuration as ContourConfiguration).spec) as ContourConfiguration["spec"];
  return ok({ path, text: ok(text), program, spec, describe, idle });
}

function without(value: unknown, [first = "", ...rest]: readonly string[]): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, first)) return value;
  const { [first]: inner, ...others } = value as Readonly<Record<string, unknown>>;
  return rest.length === 0 ? others : { ...others, [first]: without(inner, rest) };
}
