import { configurationError, configurationWarning } from "#conditions/contour-configuration";
import type { Problem } from "#conditions/problem";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { formatFieldPath } from "#k8s/object";
import type { KubeObject } from "#k8s/object";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { configure } from "#settings/configuration";
import type { Choices } from "#settings/configuration";
import type { ObjectProblem } from "#app/translate";

/** Choices after a ContourConfiguration, and what of it is wrong or has no effect. */
export interface AppliedConfiguration extends Choices {
  readonly problems: readonly Problem[];
}

/** Choices after a ContourConfiguration of files; its problems name the object. */
export interface ConfiguredChoices extends Choices {
  readonly problems: readonly ObjectProblem[];
}

/** Lays what a ContourConfiguration says over other choices. */
export function applyConfiguration(choices: Choices, spec: ContourConfiguration["spec"]): AppliedConfiguration {
  const { settings, envoySettings, errors, ignored } = configure(choices, spec);
  return { settings, envoySettings, problems: [...errors.map(({ path, message }) => configurationError(path, message)), ...ignored.map(({ path, message }) => configurationWarning("NoEffect", path, message))] };
}

/** Applies the one ContourConfiguration among objects of files, if there is one; of several, the one of that name. */
export function applyConfigurationOf(choices: Choices, objects: readonly KubeObject[], name: string | undefined): Result<ConfiguredChoices, string> {
  const found = objects.filter((object): object is ContourConfiguration => object.kind === "ContourConfiguration" && (name === undefined || object.metadata.name === name));
  const [only, second] = found;
  if (only === undefined) {
    return name === undefined ? ok({ ...choices, problems: [] }) : fail(`there is no ContourConfiguration ${JSON.stringify(name)} in the files; correct --contour-config-name`);
  }
  if (second !== undefined) return fail(`the files have several ContourConfigurations: ${found.map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`).join(", ")}; name one with --contour-config-name`);
  const { namespace = "", name: own } = only.metadata;
  const { settings, envoySettings, problems } = applyConfiguration(choices, only.spec);
  return ok({ settings, envoySettings, problems: problems.map(({ severity, path, message }) => ({ severity, kind: "ContourConfiguration", namespace, name: own, field: formatFieldPath(path), message })) });
}
