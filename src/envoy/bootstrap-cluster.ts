import { isIP } from "node:net";
import { socketAddress } from "#envoy/address";
import { packAny, typedConfig } from "#envoy/any";
import { tlsByFiles } from "#envoy/bootstrap-secrets";
import type { XdsTlsFiles } from "#envoy/bootstrap-secrets";
import { toDuration } from "#envoy/duration";
import { Cluster, Cluster_DiscoveryType as Discovery, Cluster_DnsLookupFamily as Family } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import type { DeepPartial } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import { Address } from "#gen/envoy/envoy/config/core/v3/address";
import { RoutingPriority } from "#gen/envoy/envoy/config/core/v3/base";
import type { TransportSocket } from "#gen/envoy/envoy/config/core/v3/base";
import { UpstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { TlsParameters_TlsProtocol as TlsProtocol } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/common";
import { HttpProtocolOptions } from "#gen/envoy/envoy/extensions/upstreams/http/v3/http_protocol_options";

/** How Envoy reaches the controller. */
export type XdsUpstream =
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "tcp";
      /** An IP address or a name. */
      readonly address: string;
      readonly port: number;
      /** Which addresses of a name are used; absent means Envoy's choice. */
      readonly dnsLookupFamily?: DnsLookupFamily;
      /** The name in Envoy's metrics. */
      readonly altStatName?: string;
      /** Absent means plain text. */
      readonly tls?: XdsTlsFiles;
    };

/** Which addresses of a name are used. */
export type DnsLookupFamily = "auto" | "v4" | "v6" | "all";

const families: Readonly<Record<DnsLookupFamily, Family>> = {
  auto: Family.AUTO,
  v4: Family.V4_ONLY,
  v6: Family.V6_ONLY,
  all: Family.ALL,
};

/** Gives the address of a unix socket. */
export function pipe(path: string, mode = 0): Address {
  return Address.fromPartial({ address: { $case: "pipe", value: { path, mode } } });
}

const http2 = { protocolConfig: { $case: "http2ProtocolOptions" as const, value: {} } };
const optionsName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Builds the cluster by which Envoy reaches the controller. */
export function xdsCluster(name: string, xds: XdsUpstream): Cluster {
  const address = xds.kind === "unix" ? pipe(xds.path) : socketAddress(xds.address, xds.port);
  const options = { upstreamProtocolOptions: { $case: "explicitHttpConfig" as const, value: http2 } };
  return Cluster.fromPartial({
    name,
    connectTimeout: toDuration(5000),
    loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [{ hostIdentifier: { $case: "endpoint", value: { address } } }] }] },
    // A dead connection is noticed after 45 s, not after the system's two hours.
    upstreamConnectionOptions: { tcpKeepalive: { keepaliveProbes: 3, keepaliveTime: 30, keepaliveInterval: 5 } },
    typedExtensionProtocolOptions: { [optionsName]: packAny(HttpProtocolOptions, options) },
    circuitBreakers: { thresholds: [limits(RoutingPriority.HIGH), limits(RoutingPriority.DEFAULT)] },
    ...(xds.kind === "tcp" ? tcpPart(xds) : { clusterDiscoveryType: { $case: "type", value: Discovery.STATIC } }),
  });
}

// The one way to the configuration must not be closed by limits made for users' traffic.
function limits(priority: RoutingPriority) {
  return { priority, maxConnections: 100_000, maxPendingRequests: 100_000, maxRequests: 60_000_000, maxRetries: 50 };
}

function tcpPart(xds: Extract<XdsUpstream, { kind: "tcp" }>): DeepPartial<Cluster> {
  const value = isIP(xds.address) === 0 ? Discovery.STRICT_DNS : Discovery.STATIC;
  return {
    clusterDiscoveryType: { $case: "type", value },
    ...(xds.dnsLookupFamily && { dnsLookupFamily: families[xds.dnsLookupFamily] }),
    ...(xds.altStatName && { altStatName: xds.altStatName }),
    ...(xds.tls && { transportSocket: transportSocket(xds.tls) }),
  };
}

function transportSocket(tls: XdsTlsFiles): TransportSocket {
  const tlsParams = { tlsMinimumProtocolVersion: TlsProtocol.TLSv1_3, tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3 };
  const commonTlsContext = { tlsParams, ...tlsByFiles(tls) };
  return { name: "envoy.transport_sockets.tls", configType: typedConfig(UpstreamTlsContext, { commonTlsContext }) };
}
