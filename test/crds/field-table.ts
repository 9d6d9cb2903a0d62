import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One line of the table of fields: what Go Contour's CRDs say about it. */
export interface FieldRow {
  readonly kind: string;
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly limits: Limits;
}

/** What a schema can check about a value. */
export interface Limits {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly string[];
  readonly pattern?: RegExp;
  readonly itemPattern?: RegExp;
  readonly itemEnum?: readonly string[];
}

/** A field with those inside it. */
export interface FieldNode {
  readonly row: FieldRow;
  readonly children: Map<string, FieldNode>;
}

/** The fields of every kind as trees; `[]` and `{}` of paths are left out of names. */
export function readFieldTable(): ReadonlyMap<string, ReadonlyMap<string, FieldNode>> {
  const lines = readFileSync(join(import.meta.dirname, "../../testdata/compat/crd-fields.tsv"), "utf8").trim().split("\n").slice(1);
  const kinds = new Map<string, Map<string, FieldNode>>();
  for (const line of lines) {
    const [kind = "", path = "", type = "", required = "", validation = ""] = line.split("\t");
    const top = kinds.get(kind) ?? new Map<string, FieldNode>();
    kinds.set(kind, top);
    const names = namesOf(path);
    let level = top;
    for (const name of names.slice(0, -1)) level = level.get(name)?.children ?? fail(`${kind} ${path}: the table has no ${name} above it`);
    level.set(names.at(-1) ?? "", { row: { kind, path, type, required: required === "yes", limits: limitsOf(validation) }, children: new Map() });
  }
  return kinds;
}

/** `spec.routes[].services[].name` without the marks of lists. */
export function namesOf(path: string): readonly string[] {
  return path.replaceAll("[]", "").split(".");
}

function fail(message: string): never {
  throw new Error(message);
}

const numbers = ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"] as const;

function limitsOf(validation: string): Limits {
  const limits: { -readonly [K in keyof Limits]: Limits[K] } = {};
  // A pattern may hold "; " itself, so it is what is left after the tokens that cannot.
  for (const key of numbers) {
    const found = new RegExp(`(?:^|; )${key}=(-?\\d+)(?:;|$)`).exec(validation)?.[1];
    if (found !== undefined) limits[key] = Number(found);
  }
  const items = /(?:^|; )items\.enum=([^;]+)/.exec(validation)?.[1];
  if (items !== undefined) limits.itemEnum = items.split("|");
  const choice = /(?:^|; )enum=([^;]+)/.exec(validation)?.[1];
  if (choice !== undefined) limits.enum = choice.split("|");
  const pattern = /(?:^|; )pattern=(.+)$/.exec(validation)?.[1];
  if (pattern !== undefined) limits.pattern = new RegExp(pattern, "u");
  const itemPattern = /items\.pattern=(.+)$/.exec(validation)?.[1];
  if (itemPattern !== undefined) limits.itemPattern = new RegExp(itemPattern, "u");
  return limits;
}
