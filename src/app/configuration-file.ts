import { readFileSync } from "node:fs";
import type { ConfigurationSource } from "#app/read-configuration";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { parseConfigurationFile } from "#sources/file/configuration-file";
import type { ProgramConfiguration } from "#sources/file/configuration-file";

/** What a configuration file says. */
export interface ReadConfigurationFile {
  /** What is a flag, too: a flag that is given wins over it. */
  readonly flags: ProgramConfiguration & { readonly ingressStatusAddress?: string; readonly envoyServiceName?: string; readonly envoyServiceNamespace?: string };
  /** Everything else. */
  readonly source: ConfigurationSource;
  /** Keys that are understood and have no effect here. */
  readonly idle: readonly string[];
}

/** Reads a configuration file. Errors are lines with the file, line and column, and what to write instead. */
export function readConfigurationFile(path: string): Result<ReadConfigurationFile, readonly string[]> {
  const text = readText(path);
  if (!text.ok) return text;
  const file = parseConfigurationFile(path, text.value);
  if (!file.ok) return file;
  const { program, configuration, idle, describe } = file.value;
  const { spec } = configuration as ContourConfiguration;
  const { statusAddress, ...ingress } = spec.ingress ?? {};
  const { service, ...envoy } = spec.envoy ?? {};
  const flags = {
    ...program,
    ...(statusAddress === undefined ? {} : { ingressStatusAddress: statusAddress }),
    ...(service?.name === undefined ? {} : { envoyServiceName: service.name }),
    ...(service?.namespace === undefined ? {} : { envoyServiceNamespace: service.namespace }),
  };
  return ok({ flags, source: { kind: "file", spec: { ...spec, ingress, envoy }, describe }, idle });
}

function readText(path: string): Result<string, readonly string[]> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (error) {
    return fail([`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`]);
  }
}
