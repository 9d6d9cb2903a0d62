import type { SchemaNode } from "#k8s/schema";

type Fields = Readonly<Record<string, unknown>>;

/** Fills in the schema's defaults where a value is absent, as the API server does. Gives a new value where anything changes. */
export function applyDefaults(schema: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => applyDefaults(items, item));
  }
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Fields;
  const result: Record<string, unknown> = { ...fields };
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    if (name === "status") continue;
    if (fields[name] !== undefined) result[name] = applyDefaults(inner, fields[name]);
    else if (inner.default !== undefined) result[name] = applyDefaults(inner, structuredClone(inner.default));
  }
  return result;
}

/** Removes nulls: YAML writes one for a key without a value, and the API server takes it as absent. */
export function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, dropNulls(inner)]])));
}
