import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { Any } from "@bufbuild/protobuf/wkt";
import { ApiConfigSource_ApiType, ApiVersion, ConfigSource } from "#gen/envoy/envoy/config/core/v3/config_source";
import { schemaOf } from "#envoy/descriptors";

/** How Go Contour's bootstrap names the controller, as a cluster and as the authority of requests. */
const controller = "contour";
const sourceType = "envoy.config.core.v3.ConfigSource";
const anyType = "google.protobuf.Any";

/**
 * What an Envoy gets that has a stream for each type and not one for all (ADS), as Go Contour's bootstrap has it: wherever a resource says that
 * others come over the one stream, it says that they come over one of their own. Undefined where it says no such thing.
 */
export function overOwnStreams(typeUrl: string, bytes: Uint8Array, mode: "delta" | "sotw"): Uint8Array | undefined {
  const schema = schemaOf(typeUrl);
  const message = fromBinary(schema, bytes);
  return turn(reflect(schema, message), ownStream(mode)) ? toBinary(schema, message) : undefined;
}

/** The source of a resource that has a stream of its own. */
function ownStream(mode: "delta" | "sotw"): Uint8Array {
  const envoyGrpc = { clusterName: controller, authority: controller };
  const value = { apiType: mode === "delta" ? ApiConfigSource_ApiType.DELTA_GRPC : ApiConfigSource_ApiType.GRPC, transportApiVersion: ApiVersion.V3, grpcServices: [{ targetSpecifier: { $case: "envoyGrpc" as const, value: envoyGrpc } }] };
  return ConfigSource.encode(ConfigSource.fromPartial({ configSourceSpecifier: { $case: "apiConfigSource", value }, resourceApiVersion: ApiVersion.V3 })).finish();
}

/** Turns every source in a message; gives whether there was one. */
function turn(message: ReflectMessage, source: Uint8Array): boolean {
  if (message.desc.typeName === sourceType) return turnSource(message.message, source);
  if (message.desc.typeName === anyType) return turnAny(message.message as Any, source);
  let turned = false;
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === "message") turned = turn(message.get(field), source) || turned;
    else if (field.fieldKind === "list" && field.listKind === "message") for (const item of message.get(field)) turned = turn(item as ReflectMessage, source) || turned;
    else if (field.fieldKind === "map" && field.mapKind === "message") for (const item of message.get(field).values()) turned = turn(item as ReflectMessage, source) || turned;
  }
  return turned;
}

function turnSource(message: Message, source: Uint8Array): boolean {
  const { configSourceSpecifier } = message as Message & { readonly configSourceSpecifier: { readonly case?: string } };
  if (configSourceSpecifier.case !== "ads") return false;
  Object.assign(message, fromBinary(schemaOf(sourceType), source));
  return true;
}

function turnAny(any: Any, source: Uint8Array): boolean {
  const schema = schemaOf(any.typeUrl);
  const inner = fromBinary(schema, any.value);
  if (!turn(reflect(schema, inner), source)) return false;
  any.value = toBinary(schema, inner);
  return true;
}
