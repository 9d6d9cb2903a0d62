import { accessLog } from "#envoy/access-log";
import { typedConfig } from "#envoy/any";
import { ads } from "#envoy/config-source";
import { choiceDuration } from "#envoy/duration";
import { passedGuards } from "#envoy/chain-settings";
import { plainChain } from "#envoy/filters/filter";
import type { ChainSettings } from "#envoy/filters/filter";
import { httpFilters } from "#envoy/filters/order";
import { router } from "#envoy/filters/router";
import { earlyHeaders, scopeKeyBuilder } from "#envoy/scope-key";
import type { ScopeSource } from "#envoy/scope-key";
import { tracing } from "#envoy/tracing";
import { Filter } from "#gen/envoy/envoy/config/listener/v3/listener_components";
import { HttpConnectionManager, HttpConnectionManager_CodecType as Codec, HttpConnectionManager_ForwardClientCertDetails as Forward, HttpConnectionManager_ServerHeaderTransformation as ServerHeader } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { DeepPartial } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { ClientValidation } from "#model/listener";
import type { EnvoySettings } from "#settings/envoy";

type Parts = DeepPartial<HttpConnectionManager>;

/** What sets the connection managers of one listener apart. */
export interface ConnectionManagerChoice {
  /** The name under which users find the metrics of the listener. */
  readonly statPrefix: string;
  readonly scope: Omit<ScopeSource, "guards">;
  readonly chain: ChainSettings;
  readonly forwardClientCertificate?: ClientValidation["forward"];
  /** What carries the requests; TCP unless said. */
  readonly carrier?: "quic";
}

/** Speaks HTTP with clients. The routes of each host come as a scope of their own, for all listeners in one table. */
export function connectionManager(choice: ConnectionManagerChoice, settings: EnvoySettings): Filter {
  const config: Parts = {
    statPrefix: choice.statPrefix,
    routeSpecifier: { $case: "scopedRoutes", value: { name: "hosts", scopeKeyBuilder, rdsConfigSource: ads, configSpecifier: { $case: "scopedRds", value: { scopedRdsConfigSource: ads } } } },
    earlyHeaderMutationExtensions: [earlyHeaders({ ...choice.scope, guards: passedGuards(choice.chain) })],
    httpFilters: httpFilters(choice.chain, settings),
    accessLog: accessLog(settings),
    // Routes say which upgrades they refuse: see virtual-host.ts.
    upgradeConfigs: [{ upgradeType: "websocket" }],
    ...(settings.tracing === undefined ? {} : { tracing: tracing(settings.tracing) }),
    ...(choice.carrier === "quic" ? http3(settings) : protocols(settings)),
    ...timeouts(settings),
    ...requestShape(settings),
    ...clientCertificate(choice.forwardClientCertificate),
  };
  return Filter.fromPartial({ name: "envoy.filters.network.http_connection_manager", configType: typedConfig(HttpConnectionManager, config) });
}

function protocols({ httpVersions, maxConcurrentStreams, allowChunkedLength }: EnvoySettings): Parts {
  const [only, ...others] = httpVersions;
  const single = only === "HTTP/2" ? Codec.HTTP2 : Codec.HTTP1;
  return {
    codecType: others.length > 0 || only === undefined ? Codec.AUTO : single,
    httpProtocolOptions: { acceptHttp10: true, allowChunkedLength },
    ...(maxConcurrentStreams === undefined ? {} : { http2ProtocolOptions: { maxConcurrentStreams } }),
  };
}

function http3({ maxConcurrentStreams }: EnvoySettings): Parts {
  return { codecType: Codec.HTTP3, http3ProtocolOptions: maxConcurrentStreams === undefined ? {} : { quicProtocolOptions: { maxConcurrentStreams } } };
}

/** Answers every request that it came to the wrong place: clients ask again over TCP (RFC 9110, section 15.5.20). */
export function misdirectedManager(statPrefix: string, settings: EnvoySettings): Filter {
  const config: Parts = {
    statPrefix,
    routeSpecifier: { $case: "routeConfig", value: { virtualHosts: [{ name: "misdirected", domains: ["*"], routes: [{ match: { pathSpecifier: { $case: "prefix", value: "/" } }, action: { $case: "directResponse", value: { status: 421 } } }] }] } },
    httpFilters: [router].flatMap((filter) => filter.inListener?.(plainChain, settings) ?? []),
    accessLog: accessLog(settings),
    ...http3(settings),
    ...timeouts(settings),
  };
  return Filter.fromPartial({ name: "envoy.filters.network.http_connection_manager", configType: typedConfig(HttpConnectionManager, config) });
}

function timeouts({ timeouts: chosen, maxRequestsPerConnection }: EnvoySettings): Parts {
  return {
    commonHttpProtocolOptions: { idleTimeout: choiceDuration(chosen.connectionIdle), maxConnectionDuration: choiceDuration(chosen.maxConnectionDuration), maxRequestsPerConnection },
    requestTimeout: choiceDuration(chosen.request),
    streamIdleTimeout: choiceDuration(chosen.streamIdle),
    delayedCloseTimeout: choiceDuration(chosen.delayedClose),
    drainTimeout: choiceDuration(chosen.connectionShutdownGracePeriod),
  };
}

const serverHeaders: Readonly<Record<EnvoySettings["serverHeader"], ServerHeader>> = { overwrite: ServerHeader.OVERWRITE, "append-if-absent": ServerHeader.APPEND_IF_ABSENT, "pass-through": ServerHeader.PASS_THROUGH };

function requestShape({ numTrustedHops, mergeSlashes, serverHeader, stripTrailingHostDot }: EnvoySettings): Parts {
  return {
    useRemoteAddress: true,
    xffNumTrustedHops: numTrustedHops,
    normalizePath: true,
    mergeSlashes,
    preserveExternalRequestId: true,
    serverHeaderTransformation: serverHeaders[serverHeader],
    stripTrailingHostDot,
  };
}

function clientCertificate(forward: ClientValidation["forward"]): Parts {
  if (forward === undefined) return {};
  return { forwardClientCertDetails: Forward.SANITIZE_SET, setCurrentClientCertDetails: { ...forward } };
}
