import { celEnv, isCelError, parse, plan } from "@bufbuild/cel";
import type { CelInput } from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import type { FieldError, FieldPath } from "#k8s/object";
import { formatFieldPath } from "#k8s/object";
import type { SchemaNode } from "#k8s/schema";

type Program = (bindings: Record<string, CelInput>) => unknown;

const env = celEnv({ funcs: [...strings] });
const programs = new Map<string, Program | undefined>();

/** A rule of a schema, ready to run. Absent when this CEL library does not understand it: then only the API server checks it. */
export function programOf(rule: string): Program | undefined {
  if (!programs.has(rule)) programs.set(rule, compile(rule));
  return programs.get(rule);
}

function compile(rule: string): Program | undefined {
  try {
    return plan(env, parse(rule)) as Program;
  } catch {
    return undefined;
  }
}

/** Checks the CEL rules (x-kubernetes-validations) and keyed lists of a schema against a value, as the API server does on creation. */
export function checkRules(schema: SchemaNode, value: unknown, path: FieldPath = []): readonly FieldError[] {
  if (value === undefined || value === null) return [];
  return [...ownRules(schema, value, path), ...keyedList(schema, value, path), ...children(schema, value, path)];
}

function ownRules(schema: SchemaNode, value: unknown, path: FieldPath): readonly FieldError[] {
  return (schema["x-kubernetes-validations"] ?? []).flatMap(({ rule, message }) => {
    // Rules about oldSelf concern updates; a file has no before.
    const program = rule.includes("oldSelf") ? undefined : programOf(rule);
    if (program === undefined) return [];
    const result = program({ self: toCel(value) });
    if (result === true || isCelError(result)) return [];
    return [{ path, message: `${path.length === 0 ? "the object" : formatFieldPath(path)}: ${message ?? `the rule ${rule} is not fulfilled`}` }];
  });
}

function keyedList(schema: SchemaNode, value: unknown, path: FieldPath): readonly FieldError[] {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (schema["x-kubernetes-list-type"] !== "map" || keys === undefined || !Array.isArray(value)) return [];
  const texts = value.map((item: Record<string, unknown>) => JSON.stringify(keys.map((key) => item[key] ?? null)));
  return texts.flatMap((text, i) => (texts.indexOf(text) === i ? [] : [{ path: [...path, i], message: `${formatFieldPath([...path, i])} has the same ${keys.join(" and ")} as an earlier entry; they must differ` }]));
}

function children(schema: SchemaNode, value: unknown, path: FieldPath): readonly FieldError[] {
  if (Array.isArray(value)) return schema.items === undefined ? [] : value.flatMap((item, i) => checkRules(schema.items as SchemaNode, item, [...path, i]));
  if (typeof value !== "object" || value === null) return [];
  const { properties = {}, additionalProperties } = schema;
  return Object.entries(value).flatMap(([key, inner]) => {
    const node = properties[key] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
    return node === undefined || key === "status" ? [] : checkRules(node, inner, [...path, key]);
  });
}

/** JSON → what CEL computes with: objects are maps, whole numbers are ints. */
function toCel(value: unknown): CelInput {
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === "object" && value !== null) return new Map(Object.entries(value).map(([key, inner]) => [key, toCel(inner)]));
  return value as CelInput;
}
