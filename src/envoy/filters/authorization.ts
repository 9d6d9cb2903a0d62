import { packAny } from "#envoy/any";
import { timeoutDuration, toDuration } from "#envoy/duration";
import type { ChainSettings, Filter, PerFilterConfig, PolicyPlace } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { grpcService } from "#envoy/grpc-service";
import { nameMatcher } from "#envoy/match";
import { ApiVersion } from "#gen/envoy/envoy/config/core/v3/config_source";
import { ExtAuthz, ExtAuthzPerRoute } from "#gen/envoy/envoy/extensions/filters/http/ext_authz/v3/ext_authz";
import type { DeepPartial } from "#gen/envoy/envoy/extensions/filters/http/ext_authz/v3/ext_authz";
import { Config as HeaderToMetadata } from "#gen/envoy/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata";
import type { HttpFilter } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { Any } from "#gen/envoy/google/protobuf/any";
import { StatusCode } from "#gen/envoy/envoy/type/v3/http_status";
import { compareText } from "#lib/compare";
import type { AuthorizationUse, ExternalAuthorization } from "#model/policy";

const name = "envoy.filters.http.ext_authz";
/** The filter that notes which authorization a host has. */
export const gateName = "contour.authorization-gate";
const gateNamespace = "contour.authorization";

const ownName = (id: string): string => `${name}/${id}`;

/**
 * Asks a service whether a request may pass. On connections that hosts with different services share, each service has a
 * filter of its own that is asleep until the host says that it is the one: a note in the metadata of the request, made
 * only when its route is known. Envoy's own way to switch filters by route looks at the first route it finds, which for
 * a wildcard host, or one written in capitals, is none: the check would be skipped.
 */
export const authorization: Filter = {
  name,
  inListener: (chain) => {
    const own = [...new Map(chain.guards.flatMap((guard) => (guard.kind === "authorization" ? [[guard.authorization.id, guard.authorization] as const] : []))).values()].toSorted((a, b) => compareText(a.id, b.id));
    return chain.shared ? shared(chain, own) : [own[0] ?? chain.authorization].flatMap((only) => (only === undefined ? [] : [check(name, only)]));
  },
  onRoute: ({ authorization: use, authorizationService: id }, place) => (id !== undefined ? wake(use, id) : place.ownAuthorization === undefined ? ofListener(use) : ofHost(use, place.ownAuthorization, place)),
};

function shared({ authorization: ofAll }: ChainSettings, own: readonly ExternalAuthorization[]): readonly HttpFilter[] {
  const gate = own.length === 0 ? [] : [httpFilter(gateName, HeaderToMetadata, {})];
  const asleep = own.map((one) => check(ownName(one.id), one, { filter: gateNamespace, path: [{ segment: { $case: "key", value: "service" } }], value: { matchPattern: { $case: "stringMatch", value: { matchPattern: { $case: "exact", value: one.id } } } } }));
  return [...gate, ...(ofAll === undefined ? [] : [check(name, ofAll)]), ...asleep];
}

function ofListener(use: AuthorizationUse | undefined): PerFilterConfig | undefined {
  return use === undefined ? undefined : { [name]: perRoute(use) };
}

/** A host with an authorization of its own wakes it, and is not asked about by that of the listener. */
function ofHost(use: AuthorizationUse | undefined, id: string, { level }: PolicyPlace): PerFilterConfig | undefined {
  return level === "route" ? ownUse(use, id) : wake(use, id);
}

function ownUse(use: AuthorizationUse | undefined, id: string): PerFilterConfig {
  return use === undefined ? {} : { [ownName(id)]: perRoute(use) };
}

function wake(use: AuthorizationUse | undefined, id: string): PerFilterConfig {
  const note = { header: ":path", onHeaderPresent: { metadataNamespace: gateNamespace, key: "service", value: id } };
  return { [gateName]: packAny(HeaderToMetadata, { requestRules: [note] }), [name]: perRoute({ kind: "off" }), ...ownUse(use, id) };
}

function perRoute(use: AuthorizationUse): Any {
  if (use.kind === "off") return packAny(ExtAuthzPerRoute, { override: { $case: "disabled", value: true } });
  return packAny(ExtAuthzPerRoute, { override: { $case: "checkSettings", value: { contextExtensions: { ...use.context } } } });
}

function check(filterName: string, { cluster, service, timeout, failOpen, body }: ExternalAuthorization, enabledBy?: DeepPartial<ExtAuthz["filterEnabledMetadata"]>): HttpFilter {
  return httpFilter(filterName, ExtAuthz, {
    transportApiVersion: ApiVersion.V3,
    ...(service.kind === "grpc" ? { services: { $case: "grpcService", value: grpcService(cluster, timeoutDuration(timeout)) } } : httpService(service, cluster, timeout)),
    failureModeAllow: failOpen,
    statusOnError: { code: StatusCode.Forbidden },
    // What the service adds to a request may choose another route.
    clearRouteCache: true,
    includePeerCertificate: true,
    ...(body === undefined ? {} : { withRequestBody: { maxRequestBytes: body.maxBytes, allowPartialMessage: body.allowPartial, packAsBytes: body.packAsBytes } }),
    ...(enabledBy === undefined ? {} : { filterEnabledMetadata: enabledBy }),
  });
}

/** Envoy has no default time for HTTP services, and wants one. */
const httpTimeoutMs = 200;

function httpService({ host, pathPrefix, requestHeaders, upstreamHeaders }: Extract<ExternalAuthorization["service"], { kind: "http" }>, cluster: string, timeout: ExternalAuthorization["timeout"]): DeepPartial<ExtAuthz> {
  const serverUri = { uri: `http://${host}`, httpUpstreamType: { $case: "cluster" as const, value: cluster }, timeout: timeoutDuration(timeout) ?? toDuration(httpTimeoutMs) };
  return {
    services: { $case: "httpService", value: { serverUri, pathPrefix, ...(upstreamHeaders.length === 0 ? {} : { authorizationResponse: { allowedUpstreamHeaders: { patterns: upstreamHeaders.map(nameMatcher) } } }) } },
    // Without any, all headers of the client would be passed on.
    allowedHeaders: { patterns: [...requestHeaders.map(nameMatcher), nameMatcher({ kind: "exact", value: "authorization", ignoreCase: true })] },
  };
}
