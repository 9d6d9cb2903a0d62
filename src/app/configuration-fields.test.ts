import assert from "node:assert/strict";
import { it } from "node:test";
import { placesOf } from "#app/controller-places";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { schemaOf } from "#k8s/schema";
import { configure } from "#settings/configuration";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** A value with every field that a schema has; texts are all the same one. */
function sample(schema: Schema, text: string): unknown {
  if (schema.properties !== undefined) return Object.fromEntries(Object.entries(schema.properties).map(([name, inner]) => [name, sample(inner, text)]));
  if (schema.type === "array") return [sample(schema.items ?? {}, text)];
  return schema.type === "integer" || schema.type === "number" ? 7 : schema.type === "boolean" ? text !== "" : schema.type === "object" ? { name: text } : text;
}

/** Every field without fields of its own. */
function leaves(value: unknown, path: string): readonly string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, path === "" ? name : `${path}.${name}`));
}

/** Fields that are handed on as a whole belong to who gets them. */
function follow(value: unknown, path: string, read: Set<string>, whole: Map<object, string>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const proxy: object = new Proxy(value, {
    get(target, name) {
      const inner: unknown = Reflect.get(target, name);
      if (typeof name === "symbol" || Array.isArray(target)) return inner;
      const below = path === "" ? name : `${path}.${name}`;
      if (typeof inner !== "object" || inner === null || Array.isArray(inner)) read.add(below);
      return follow(inner, below, read, whole);
    },
  });
  whole.set(proxy, path);
  return proxy;
}

function handedOn(value: unknown, whole: ReadonlyMap<object, string>): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  const path = whole.get(value);
  return path === undefined ? Object.values(value).flatMap((inner) => handedOn(inner, whole)) : [path];
}

it("each field of a ContourConfiguration is read, or it is said that it has no effect", () => {
  const schema = (schemaOf("ContourConfiguration") as Schema).properties?.["spec"] ?? {};
  const at = { address: "127.0.0.1", port: 1 };
  const places = { xds: at, http: at, health: at, debug: at, envoyService: { namespace: "a", name: "b" } };
  const known = new Set<string>();
  // Which fields of the log are read depends on its format, and those of TLS on whether there is any.
  for (const text of ["1s", "json", "envoy", ""]) {
    const [read, whole] = [new Set<string>(), new Map<object, string>()];
    const spec = follow(sample(schema, text), "", read, whole) as ContourConfiguration["spec"];
    const { ignored, settings, envoySettings } = configure({ settings: defaultSettings, envoySettings: defaultEnvoySettings }, spec);
    const handed = handedOn([settings, envoySettings, placesOf(spec, places), Object.values(settings)], whole);
    const said = ignored.map(({ path }) => path.slice(1).join("."));
    for (const leaf of leaves(sample(schema, text), "")) if (read.has(leaf) || [...handed, ...said].some((above) => leaf === above || leaf.startsWith(`${above}.`))) known.add(leaf);
  }
  assert.deepEqual(leaves(sample(schema, ""), "").filter((leaf) => !known.has(leaf)), []);
});
