import type { Node } from "#gen/envoy/envoy/config/core/v3/base";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "#gen/envoy/envoy/service/discovery/v3/discovery";

/** Which names a request asks for. */
export type Wanted =
  | { readonly kind: "delta"; readonly subscribe: readonly string[]; readonly unsubscribe: readonly string[]; readonly versions: Readonly<Record<string, string>> }
  | { readonly kind: "sotw"; readonly names: readonly string[]; readonly version: string };

/** A request of either mode. */
export interface Request {
  readonly node: Node | undefined;
  readonly type: string;
  /** The response that it acknowledges or refuses; empty when it is neither. */
  readonly nonce: string;
  /** Why the response was refused. */
  readonly error: string | undefined;
  readonly wanted: Wanted;
}

/** Decodes a request of a delta stream. */
export function decodeDelta(bytes: Uint8Array): Request {
  const request = DeltaDiscoveryRequest.decode(bytes);
  const { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe, initialResourceVersions: versions } = request;
  return { ...commonOf(request), wanted: { kind: "delta", subscribe, unsubscribe, versions } };
}

/** Decodes a request of a state-of-the-world stream. */
export function decodeSotw(bytes: Uint8Array): Request {
  const request = DiscoveryRequest.decode(bytes);
  return { ...commonOf(request), wanted: { kind: "sotw", names: request.resourceNames, version: request.versionInfo } };
}

function commonOf(request: DeltaDiscoveryRequest | DiscoveryRequest): Omit<Request, "wanted"> {
  return { node: request.node, type: request.typeUrl, nonce: request.responseNonce, error: request.errorDetail?.message };
}
