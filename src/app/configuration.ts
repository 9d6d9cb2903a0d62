import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { formatFieldPath } from "#k8s/object";
import type { FieldPath, KubeObject } from "#k8s/object";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { configure } from "#settings/configuration";
import type { Choices } from "#settings/configuration";
import type { ObjectProblem } from "#app/translate";

/** Choices after what a ContourConfiguration says, and what of it has no effect. */
export interface ConfiguredChoices extends Choices {
  readonly problems: readonly (ObjectProblem & { readonly path: FieldPath })[];
}

/** Applies a ContourConfiguration. */
export function applyConfiguration(choices: Choices, object: ContourConfiguration): ConfiguredChoices {
  const { namespace = "", name } = object.metadata;
  const at = (severity: "error" | "warning", path: FieldPath, message: string): ConfiguredChoices["problems"][number] => ({ severity, kind: "ContourConfiguration", namespace, name, field: formatFieldPath(path), path, message });
  const { settings, envoySettings, errors, ignored } = configure(choices, object.spec);
  return {
    settings,
    envoySettings,
    problems: [...errors.map(({ path, message }) => at("error", path, message)), ...ignored.map((path) => at("warning", path, "this has no effect yet"))],
  };
}

/** Applies the one ContourConfiguration among objects of files, if there is one; of several, the one of that name. */
export function applyConfigurationOf(choices: Choices, objects: readonly KubeObject[], name: string | undefined): Result<ConfiguredChoices, string> {
  const found = objects.filter((object): object is ContourConfiguration => object.kind === "ContourConfiguration" && (name === undefined || object.metadata.name === name));
  const [only, second] = found;
  if (only === undefined) {
    return name === undefined ? ok({ ...choices, problems: [] }) : fail(`there is no ContourConfiguration ${JSON.stringify(name)} in the files; correct --contour-config-name`);
  }
  if (second !== undefined) return fail(`the files have several ContourConfigurations: ${found.map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`).join(", ")}; name one with --contour-config-name`);
  return ok(applyConfiguration(choices, only));
}
