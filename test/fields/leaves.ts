import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { KubeObject } from "#k8s/object";
import type { KindName } from "#k8s/kinds";
import { parseObject } from "#k8s/parse";
import { schemaOf } from "#k8s/schema";
import type { SchemaNode } from "#k8s/schema";
import { readFiles } from "#sources/file/read";
import { manifestsOf, readStories } from "../golden/story.ts";

/** A place in an object of a story where a value can be exchanged. */
export interface Leaf {
  /** The field as the table of fields writes it: `HTTPProxy spec.routes[].services[].port`. */
  readonly field: string;
  readonly schema: SchemaNode & { readonly enum?: readonly unknown[]; readonly minimum?: number; readonly maximum?: number; readonly exclusiveMaximum?: boolean };
  readonly value: unknown;
  /** All objects of the story with another value there; undefined where the schema refuses it. */
  with(value: unknown): readonly KubeObject[] | undefined;
}

type Path = readonly (string | number)[];

const kinds: readonly KindName[] = ["HTTPProxy", "ExtensionService", "TLSCertificateDelegation"];

/** One leaf for every field that a valid story without a configuration has, of the three kinds of projectcontour.io. */
export function leavesOfStories(): readonly Leaf[] {
  const leaves = new Map<string, Leaf>();
  for (const story of readStories()) {
    if (!readFileSync(join(story.folder, "messages.txt"), "utf8").endsWith("exit code 0\n")) continue;
    const objects = readFiles([manifestsOf(story)]).objects.filter(({ kind }) => kind !== "ContourConfiguration");
    for (const object of objects) {
      if (!kinds.includes(object.kind as KindName) || !("spec" in object)) continue;
      for (const { path, value } of walk(object.spec, ["spec"])) {
        const field = `${object.kind} ${path.map((part) => (typeof part === "number" ? "[]" : `.${part}`)).join("").slice(1)}`;
        if (leaves.has(field)) continue;
        leaves.set(field, { field, value, schema: schemaAt(object.kind as KindName, path), with: (other) => exchange(objects, object, path, other) });
      }
    }
  }
  return [...leaves.values()];
}

function walk(value: unknown, path: Path): readonly { readonly path: Path; readonly value: unknown }[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => walk(item, [...path, i]));
  if (typeof value !== "object" || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([key, inner]) => walk(inner, [...path, key]));
}

function schemaAt(kind: KindName, path: Path): Leaf["schema"] {
  return path.reduce<SchemaNode>((node, part) => {
    if (typeof part === "number") return node.items ?? {};
    const named = node.properties?.[part];
    return named ?? (typeof node.additionalProperties === "object" ? node.additionalProperties : {});
  }, schemaOf(kind));
}

function exchange(objects: readonly KubeObject[], object: KubeObject, path: Path, value: unknown): readonly KubeObject[] | undefined {
  const changed = structuredClone(object) as unknown as Record<string | number, unknown>;
  const parent = path.slice(0, -1).reduce<Record<string | number, unknown>>((node, part) => node[part] as Record<string | number, unknown>, changed);
  parent[path.at(-1) ?? ""] = value;
  const parsed = parseObject(changed, { origin: "file" });
  return parsed.ok ? objects.map((other) => (other === object ? parsed.value : other)) : undefined;
}
