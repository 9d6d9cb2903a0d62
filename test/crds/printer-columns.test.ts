import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { parse } from "yaml";

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
}
interface Definition {
  readonly kind: string;
  readonly spec: { readonly names: { readonly kind: string }; readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema }; readonly additionalPrinterColumns?: readonly { readonly name: string; readonly jsonPath: string }[] }[] };
}

const folder = join(import.meta.dirname, "../../crds");
const definitions = readdirSync(folder).filter((name) => name.endsWith(".yaml")).map((name) => parse(readFileSync(join(folder, name), "utf8")) as Definition).filter(({ kind }) => kind === "CustomResourceDefinition");

/** Whether a schema has what a path of a column names; metadata is everybody's. */
function has(schema: Schema | undefined, path: readonly string[]): boolean {
  const [first, ...rest] = path;
  if (schema === undefined) return false;
  if (first === undefined || first === "metadata") return true;
  return has(schema.properties?.[first] ?? schema.items?.properties?.[first], rest);
}

it("`kubectl get` shows fields that there are, and the state of what has one", () => {
  const columns = new Map(definitions.flatMap(({ spec }) => spec.versions.map((version) => [spec.names.kind, version] as const)));
  for (const [kind, { schema, additionalPrinterColumns = [] }] of columns)
    for (const { name, jsonPath } of additionalPrinterColumns) assert.ok(has(schema.openAPIV3Schema, jsonPath.replaceAll(/\[[^\]]*\]/g, "").split(".").filter((part) => part !== "")), `${kind}, column ${name}: ${jsonPath}`);
  assert.deepEqual(columns.get("HTTPProxy")?.additionalPrinterColumns?.map(({ name }) => name), ["FQDN", "TLS Secret", "Status", "Status Description"]);
});
