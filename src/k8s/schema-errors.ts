import type { ErrorObject } from "ajv";
import type { FieldError, FieldPath } from "#k8s/object";
import { formatFieldPath } from "#k8s/object";
import { nearestName } from "#lib/nearest-name";

/** Says in words, field by field, what a check found. */
export function describeSchemaErrors(errors: readonly ErrorObject[]): readonly FieldError[] {
  const described = errors.flatMap((error) => describe(error));
  return described.filter((error, i) => described.findIndex((other) => other.message === error.message) === i);
}

function pathOf(error: ErrorObject): FieldPath {
  return error.instancePath.split("/").slice(1).map((part) => {
    const text = part.replaceAll("~1", "/").replaceAll("~0", "~");
    return /^\d+$/.test(text) ? Number(text) : text;
  });
}

function describe(error: ErrorObject): readonly FieldError[] {
  const path = pathOf(error);
  const field = path.length === 0 ? "the object" : formatFieldPath(path);
  const at = (message: string, where: FieldPath = path): readonly FieldError[] => [{ path: where, message }];
  const value = shorten(error.data);
  switch (error.keyword) {
    case "type":
      return at(`${field} is ${value} (${describeType(error.data)}); write ${article(error.params["type"])}`);
    case "required":
      return at(`${field} lacks ${JSON.stringify(error.params["missingProperty"])}; add it`);
    case "additionalProperties":
      return at(unknownField(error, path), [...path, String(error.params["additionalProperty"])]);
    case "enum":
      return at(`${field} is ${value}; write one of ${(error.params["allowedValues"] as readonly unknown[]).map((allowed) => String(allowed)).join(", ")}`);
    case "pattern":
      return at(`${field} is ${value}, which does not have the form ${String(error.params["pattern"])}`);
    case "minimum":
    case "maximum":
    case "exclusiveMaximum":
    case "exclusiveMinimum":
      return at(`${field} is ${value}; write a number ${comparison(error)} ${String(error.params["limit"])}`);
    case "minLength":
    case "maxLength":
      return at(`${field} has ${String(error.data).length} characters; write ${error.keyword === "minLength" ? "at least" : "at most"} ${String(error.params["limit"])}`);
    case "minItems":
    case "maxItems":
      return at(`${field} has ${(error.data as readonly unknown[]).length} entries; write ${error.keyword === "minItems" ? "at least" : "at most"} ${String(error.params["limit"])}`);
    case "minProperties":
    case "maxProperties":
      return at(`${field} has ${Object.keys(error.data as object).length} keys; write ${error.keyword === "minProperties" ? "at least" : "at most"} ${String(error.params["limit"])}`);
    case "oneOf":
    case "anyOf":
    case "not":
    case "allOf":
      return at(`${field} has a combination of fields that is not allowed`);
    default:
      return at(`${field} is not valid (${error.keyword})`);
  }
}

function comparison(error: ErrorObject): string {
  return { minimum: "of at least", maximum: "of at most", exclusiveMaximum: "below", exclusiveMinimum: "above" }[error.keyword] ?? "";
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

function describeType(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return { object: "an object", string: "a text", number: "a number", boolean: "true or false" }[typeof value as string] ?? typeof value;
}

function article(type: unknown): string {
  const names: Readonly<Record<string, string>> = { string: "a text, in quotes where YAML would take it for something else", integer: "a whole number, without quotes", number: "a number", boolean: "true or false", array: "a list", object: "an object with fields" };
  return (Array.isArray(type) ? type : [type]).map((name) => names[String(name)] ?? String(name)).join(" or ");
}

function unknownField(error: ErrorObject, path: FieldPath): string {
  const name = String(error.params["additionalProperty"]);
  const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `known here: ${known.toSorted().join(", ")}` : `did you mean ${JSON.stringify(nearest)}?`;
  return `unknown field ${formatFieldPath([...path, name])}; ${hint}`;
}
