// import-gateway-api.ts FOLDER: takes the schemas of version v1 over from CRDs of Gateway API, descriptions left out.
// FOLDER is config/crd/experimental of the Go module sigs.k8s.io/gateway-api: that channel has all fields of the other one.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

interface Definition {
  readonly kind?: string;
  readonly spec?: { readonly names: { readonly kind: string }; readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: unknown } }[] };
}

function withoutDescriptions(value: unknown, fields = false): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutDescriptions(item));
  if (typeof value !== "object" || value === null) return value;
  // A field may be called "description": of those nothing is left out.
  return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (!fields && key === "description" ? [] : [[key, withoutDescriptions(inner, !fields && key === "properties")]])));
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: import-gateway-api.ts FOLDER");
const files = readdirSync(folder).filter((name) => name.startsWith("gateway.networking.k8s.io_") && name.endsWith(".yaml"));
for (const document of files.flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), "utf8")))) {
  const { kind, spec } = document.toJS() as Definition;
  const version = spec?.versions?.find(({ name }) => name === "v1");
  if (kind !== "CustomResourceDefinition" || spec === undefined || version === undefined) continue;
  writeFileSync(join(import.meta.dirname, "../../schemas/gateway-api", `${spec.names.kind}.json`), JSON.stringify(withoutDescriptions(version.schema.openAPIV3Schema)));
}
