import type { TypedExtensionConfig } from "#gen/envoy/envoy/config/core/v3/extension";
import type { Any } from "#gen/envoy/google/protobuf/any";

/** What a generated message type can do. */
export interface Codec<Partial, Message> {
  readonly $type: string;
  fromPartial(object: Partial): Message;
  encode(message: Message): { finish(): Uint8Array };
}

/** The bytes of a message. */
export function encode<P, M>(codec: Codec<P, M>, partial: NoInfer<P>): Uint8Array {
  return codec.encode(codec.fromPartial(partial)).finish();
}

/** A message inside of another that can hold any type. */
export function packAny<P, M>(codec: Codec<P, M>, partial: NoInfer<P>): Any {
  return { typeUrl: `type.googleapis.com/${codec.$type}`, value: encode(codec, partial) };
}

/** An extension of Envoy with its settings, in the form that most places want. */
export function extension<P, M>(name: string, codec: Codec<P, M>, partial: NoInfer<P>): TypedExtensionConfig {
  return { name, typedConfig: packAny(codec, partial) };
}

/** Settings of a filter or a transport socket, in the form that those places want. */
export function typedConfig<P, M>(codec: Codec<P, M>, partial: NoInfer<P>): { readonly $case: "typedConfig"; readonly value: Any } {
  return { $case: "typedConfig", value: packAny(codec, partial) };
}
