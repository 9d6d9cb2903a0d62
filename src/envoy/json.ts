import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { envoyTypes, schemaOf } from "#envoy/descriptors";

export type { JsonValue } from "@bufbuild/protobuf";

/** Gives the canonical JSON of an encoded message, with the messages inside of Anys written out. */
export function toCanonicalJson(typeName: string, bytes: Uint8Array): JsonValue {
  const schema = schemaOf(typeName);
  return toJson(schema, fromBinary(schema, bytes), { registry: envoyTypes() });
}

/** Encodes a message from its canonical JSON: for messages that have no generated code here. */
export function fromCanonicalJson(typeName: string, json: JsonValue): Uint8Array {
  const schema = schemaOf(typeName);
  return toBinary(schema, fromJson(schema, json, { registry: envoyTypes() }));
}
