import { altSvc } from "#envoy/filters/alt-svc";
import { authorization } from "#envoy/filters/authorization";
import { compressor } from "#envoy/filters/compressor";
import { cors } from "#envoy/filters/cors";
import { errorPages } from "#envoy/filters/error-pages";
import type { ChainSettings, Filter, FilterPolicies, PolicyPlace } from "#envoy/filters/filter";
import { globalRateLimit } from "#envoy/filters/global-rate-limit";
import { grpcStats } from "#envoy/filters/grpc-stats";
import { grpcWeb } from "#envoy/filters/grpc-web";
import { lowerCaseHost, wildcardHost } from "#envoy/filters/host-fallback";
import { ipFilter } from "#envoy/filters/ip-filter";
import { jwt } from "#envoy/filters/jwt";
import { localRateLimit } from "#envoy/filters/local-rate-limit";
import { routeScript } from "#envoy/filters/route-script";
import { router } from "#envoy/filters/router";
import { sessionPersistence } from "#envoy/filters/session-persistence";
import type { HttpFilter } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { Any } from "#gen/envoy/google/protobuf/any";
import type { EnvoySettings } from "#settings/envoy";

/** All HTTP filters in the order in which a request meets them. */
export const filterOrder: readonly Filter[] = [
  lowerCaseHost, // The route decides what every other filter does, so it is settled first.
  wildcardHost, // After the lower-case host, which may have found the exact one.
  altSvc, // Said with every answer, whoever makes it.
  compressor, // Outside of everything that makes or changes an answer.
  errorPages, // Sees the answers of all that follows.
  grpcWeb, // Translates before anything looks at the call.
  grpcStats, // Counts calls as backends see them, refused ones included.
  cors, // Preflight requests carry no credentials: answered before anyone asks for them.
  localRateLimit, // Cheap, so in front of what costs more.
  ipFilter, // No token of a client that may not come in is looked at.
  jwt, // Says who the client is,
  authorization, // which an external service may want to know,
  globalRateLimit, // and refused requests use up nobody's quota.
  sessionPersistence, // Only who may pass has a session.
  routeScript, // Waits for bodies, and changes answers of backends only.
  router, // Ends the chain.
];

/** The filters in front of a group of hosts. */
export function httpFilters(chain: ChainSettings, settings: EnvoySettings): HttpFilter[] {
  return filterOrder.flatMap((filter) => filter.inListener?.(chain, settings) ?? []);
}

/** What a host or route, with these policies, tells the filters. */
export function perFilterConfig(policies: FilterPolicies, place: PolicyPlace): { [name: string]: Any } {
  return Object.assign({}, ...filterOrder.map((filter) => filter.onRoute?.(policies, place))) as { [name: string]: Any };
}
