import { readFileSync } from "node:fs";
import { parse } from "yaml";

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly "x-kubernetes-validations"?: readonly { readonly rule: string; readonly message?: string }[];
}

interface Crd {
  readonly spec: { readonly group: string; readonly names: { readonly kind: string }; readonly versions: readonly [{ readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }] };
}

const root = new URL("../../", import.meta.url);
const files = ["httpproxies", "extensionservices", "tlscertificatedelegations"];

const head = `# HTTPProxy, ExtensionService, TLSCertificateDelegation

Every field, from the schemas in [crds/](../../crds). Written by \`npm run generate:reference\`; do not edit.
**+** marks a field, or a value, that the Go version does not have: an object without it works in both. What the fields do together is told by the
stories in [testdata/golden/httpproxy](../../testdata/golden/httpproxy), each with manifests, what they become, and requests with their answers.
`;

/** The reference of the three kinds as Markdown. */
export function referencePage(): string {
  const known = new Set(readFileSync(new URL("testdata/compat/crd-fields.tsv", root), "utf8").split("\n").map((line) => line.split("\t").slice(0, 2).join(" ")));
  return [head, ...files.map((file) => kindSection(parse(readFileSync(new URL(`crds/projectcontour.io_${file}.yaml`, root), "utf8")) as Crd, known))].join("\n");
}

function kindSection({ spec }: Crd, known: ReadonlySet<string>): string {
  const [version] = spec.versions;
  const { kind } = spec.names;
  const schema = version.schema.openAPIV3Schema.properties?.["spec"] ?? {};
  const rows = fieldRows(kind, schema, "spec", known);
  return [`## ${kind} (\`${spec.group}/${version.name}\`)`, "", "| field | type | | meaning |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function fieldRows(kind: string, schema: Schema, path: string, known: ReadonlySet<string>): readonly string[] {
  const inner = schema.type === "array" ? (schema.items ?? {}) : schema;
  const here = schema.type === "array" ? `${path}[]` : path;
  return Object.entries(inner.properties ?? {}).flatMap(([name, field]) => {
    const own = `${here}.${name}`;
    const added = known.has(`${kind} ${own}`) ? "" : "**+** ";
    const required = inner.required?.includes(name) === true ? "required" : "";
    return [`| ${added}\`${own.slice("spec.".length)}\` | ${typeOf(field)} | ${required} | ${cell([sentence(field.description), limits(field)].filter((part) => part !== "").join(" "))} |`, ...fieldRows(kind, field, own, known)];
  });
}

function typeOf({ type = "object", items, additionalProperties }: Schema): string {
  if (type === "array") return `[]${items?.type ?? "object"}`;
  return type === "object" && typeof additionalProperties === "object" ? `map of ${additionalProperties.type ?? "object"}` : type;
}

function sentence(text = ""): string {
  return text === "" || /[.!?]$/.test(text) ? text : `${text}.`;
}

function limits(field: Schema): string {
  const of = field.type === "array" ? { ...field.items, minItems: field.minItems, maxItems: field.maxItems } : field;
  const bounds = (least: number | undefined, most: number | undefined, what: string): string => {
    if (least !== undefined && most !== undefined) return `${least} to ${most}${what}`;
    return least !== undefined ? `at least ${least}${what}` : most !== undefined ? `at most ${most}${what}` : "";
  };
  const parts = [
    of.enum === undefined ? "" : `One of ${of.enum.map((value) => `\`${String(value)}\``).join(", ")}`,
    bounds(of.minimum, of.maximum, ""),
    bounds(of.minLength === 1 ? undefined : of.minLength, of.maxLength, " characters"),
    of.minLength === 1 && of.maxLength === undefined ? "not empty" : "",
    bounds(of.minItems, of.maxItems, " items"),
    of.pattern === undefined || of.pattern.length > 120 ? "" : `\`${of.pattern}\``,
    field.default === undefined ? "" : `Default \`${JSON.stringify(field.default)}\``,
    ...(field["x-kubernetes-validations"] ?? []).map(({ message, rule }) => message ?? `\`${rule}\``),
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : `*${parts.join("; ")}.*`;
}

/** Text in a table must not have bars or line breaks of its own. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
