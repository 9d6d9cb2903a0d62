// Writes src/gen/k8s: a compact schema and a TypeScript type for every kind, from crds/ and schemas/.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { parse } from "yaml";
import { emitType } from "./emit-type.ts";
import type { Schema } from "./emit-type.ts";

const root = new URL("../../", import.meta.url);
const target = new URL("src/gen/k8s/", root);

interface Crd {
  readonly spec: { readonly names: { readonly kind: string }; readonly versions: ReadonlyArray<{ readonly schema: { readonly openAPIV3Schema: Schema } }> };
}

function readText(path: string): string {
  return readFileSync(new URL(path, root), "utf8");
}

function ownKinds(): readonly (readonly [string, Schema])[] {
  return readdirSync(new URL("crds/", root)).filter((file) => file.endsWith(".yaml")).map((file) => {
    const crd = parse(readText(`crds/${file}`)) as Crd;
    return [crd.spec.names.kind, crd.spec.versions[0]?.schema.openAPIV3Schema ?? {}];
  });
}

function otherKinds(folder: string): readonly (readonly [string, Schema])[] {
  return readdirSync(new URL(`schemas/${folder}/`, root)).map((file) => [file.replace(/\.json$/, ""), JSON.parse(readText(`schemas/${folder}/${file}`)) as Schema]);
}

function withoutDescriptions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDescriptions);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (key === "description" && typeof inner === "string" ? [] : [[key, withoutDescriptions(inner)]])));
}

/** `HTTPProxy` → `http-proxy`, `TLSCertificateDelegation` → `tls-certificate-delegation`. */
export function fileName(kind: string): string {
  return kind.replace(/([a-z])([A-Z])/g, "$1-$2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2").toLowerCase();
}

mkdirSync(new URL("schemas/", target), { recursive: true });
for (const [kind, schema] of [...ownKinds(), ...otherKinds("kubernetes"), ...otherKinds("gateway-api")]) {
  writeFileSync(new URL(`schemas/${kind}.json`, target), `${JSON.stringify(withoutDescriptions(schema))}\n`);
  writeFileSync(new URL(`${fileName(kind)}.ts`, target), emitType(kind, schema));
}
