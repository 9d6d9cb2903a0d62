import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import type { ValidateFunction } from "ajv";
import type { KindName } from "#k8s/kinds";

/** A node of a kind's schema. */
export interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly default?: unknown;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-validations"?: ReadonlyArray<{ readonly rule: string; readonly message?: string; readonly messageExpression?: string; readonly optionalOldSelf?: boolean }>;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
}

const schemas = new Map<KindName, SchemaNode>();

/** The schema of a kind as the API server knows it, without descriptions. Read from disk once. */
export function schemaOf(kind: KindName): SchemaNode {
  let schema = schemas.get(kind);
  if (schema === undefined) schemas.set(kind, (schema = JSON.parse(readFileSync(new URL(`../gen/k8s/schemas/${kind}.json`, import.meta.url), "utf8")) as SchemaNode));
  return schema;
}

// Optimising takes longer than it saves: most processes validate some hundred objects.
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, verbose: true, messages: false, code: { optimize: false } });
const validators = new Map<string, ValidateFunction>();

/** The compiled check of a kind. `strict` refuses fields that the schema does not know. Compiled when first needed. */
export function validatorOf(kind: KindName, mode: "strict" | "lenient"): ValidateFunction {
  const key = `${kind} ${mode}`;
  let validator = validators.get(key);
  if (validator === undefined) validators.set(key, (validator = ajv.compile(toJsonSchema(schemaOf(kind), mode === "strict", true) as object)));
  return validator;
}

/** OpenAPI v3.0 as CRDs use it → JSON Schema: exclusive bounds are numbers there, and null is what Go writes for an absent value. */
function toJsonSchema(node: unknown, strict: boolean, top = false): unknown {
  if (Array.isArray(node)) return node.map((item) => toJsonSchema(item, strict));
  if (typeof node !== "object" || node === null) return node;
  const source = node as Record<string, unknown> & SchemaNode & { maximum?: number; minimum?: number; exclusiveMaximum?: boolean; exclusiveMinimum?: boolean; nullable?: boolean };
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(source)) {
    if (key.startsWith("x-kubernetes") || key === "default" || key === "nullable" || key === "exclusiveMaximum" || key === "exclusiveMinimum" || key === "format") continue;
    if (key === "properties") result[key] = Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, toJsonSchema(inner, strict)]));
    // The branches of a choice say something about fields that the node itself lists.
    else result[key] = key === "enum" || key === "required" || key === "pattern" ? value : toJsonSchema(value, strict && !["oneOf", "anyOf", "allOf", "not"].includes(key));
  }
  if (source.exclusiveMaximum === true) {
    result["exclusiveMaximum"] = source.maximum;
    delete result["maximum"];
  }
  if (source.exclusiveMinimum === true) {
    result["exclusiveMinimum"] = source.minimum;
    delete result["minimum"];
  }
  if (source["x-kubernetes-int-or-string"] === true) {
    result["type"] = ["integer", "string"];
    delete result["anyOf"];
  }
  if (strict && source.properties !== undefined && source.additionalProperties === undefined && source["x-kubernetes-preserve-unknown-fields"] !== true) result["additionalProperties"] = false;
  if (top) result["properties"] = { ...(result["properties"] as object), metadata: { type: "object" } };
  return result;
}
