import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, FileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Bug } from "#lib/bug";

const descriptors = new URL("../../proto/envoy-1.40.binpb", import.meta.url);
let registry: FileRegistry | undefined;

/** All messages of Envoy's API. Read on first use: it takes a fifth of a second, which only those should pay who look into encoded messages. */
export function envoyTypes(): FileRegistry {
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
  return registry;
}

/** The description of a message, by its name or type URL. */
export function schemaOf(typeName: string): DescMessage {
  const schema = envoyTypes().getMessage(typeName.replace(/^type\.googleapis\.com\//, ""));
  if (schema === undefined) throw new Bug(`Envoy has no message ${typeName}`);
  return schema;
}
