import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { DescMessage, FileRegistry, JsonValue } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Bug } from "#lib/bug";

export type { JsonValue } from "@bufbuild/protobuf";

const descriptors = new URL("../../proto/envoy-1.40.binpb", import.meta.url);
let registry: FileRegistry | undefined;

// Read on first use: it takes a fifth of a second, which only the commands that print configuration should pay.
function types(): FileRegistry {
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
  return registry;
}

function schemaOf(typeName: string): DescMessage {
  const schema = types().getMessage(typeName.replace(/^type\.googleapis\.com\//, ""));
  if (schema === undefined) throw new Bug(`Envoy has no message ${typeName}`);
  return schema;
}

/** Gives the canonical JSON of an encoded message, with the messages inside of Anys written out. */
export function toCanonicalJson(typeName: string, bytes: Uint8Array): JsonValue {
  const schema = schemaOf(typeName);
  return toJson(schema, fromBinary(schema, bytes), { registry: types() });
}

/** Encodes a message from its canonical JSON: for messages that have no generated code here. */
export function fromCanonicalJson(typeName: string, json: JsonValue): Uint8Array {
  const schema = schemaOf(typeName);
  return toBinary(schema, fromJson(schema, json, { registry: types() }));
}
