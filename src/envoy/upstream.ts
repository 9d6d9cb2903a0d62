import { packAny, typedConfig } from "#envoy/any";
import { ads } from "#envoy/config-source";
import { inlineBytes } from "#envoy/data-source";
import { toDuration } from "#envoy/duration";
import { tlsParameters } from "#envoy/tls-parameters";
import type { Cluster as EnvoyCluster, DeepPartial } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import type { TransportSocket } from "#gen/envoy/envoy/config/core/v3/base";
import { SubjectAltNameMatcher_SanType as SanType } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/common";
import { UpstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { HttpProtocolOptions } from "#gen/envoy/envoy/extensions/upstreams/http/v3/http_protocol_options";
import type { Cluster, UpstreamValidation } from "#model/cluster";
import type { EnvoySettings } from "#settings/envoy";

/** Whether connections to the backend are encrypted. */
export function usesTls({ protocol }: Cluster): boolean {
  return protocol === "tls" || protocol === "h2";
}

/** The TLS that backends are spoken to with. Without validation any certificate is accepted, as in Go Contour. */
export function upstreamTls(cluster: Cluster, { cluster: { cipherSuites, ecdhCurves } }: EnvoySettings): TransportSocket {
  const { minimumTlsVersion: minimumVersion, maximumTlsVersion: maximumVersion, validation, clientCertificate } = cluster;
  const commonTlsContext = {
    tlsParams: tlsParameters({ minimumVersion, maximumVersion, cipherSuites, ecdhCurves }),
    tlsCertificateSdsSecretConfigs: clientCertificate === undefined ? [] : [{ name: clientCertificate, sdsConfig: ads }],
    alpnProtocols: cluster.protocol === "h2" ? ["h2"] : [],
    ...(validation === undefined ? {} : { validationContextType: { $case: "validationContext" as const, value: validationContext(validation) } }),
  };
  return { name: "envoy.transport_sockets.tls", configType: typedConfig(UpstreamTlsContext, { commonTlsContext, sni: cluster.sni ?? "" }) };
}

/** Where Envoy's own images, and Debian's and Alpine's, have the authorities of the machine. */
const systemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

function validationContext({ caCertificates, subjectNames, subjectUris = [] }: UpstreamValidation) {
  const names = [...subjectNames.map((value) => ({ sanType: SanType.DNS, value })), ...subjectUris.map((value) => ({ sanType: SanType.URI, value }))];
  const matchTypedSubjectAltNames = names.map(({ sanType, value }) => ({ sanType, matcher: { matchPattern: { $case: "exact" as const, value } } }));
  return { trustedCa: caCertificates === undefined ? { specifier: { $case: "filename" as const, value: systemAuthorities } } : inlineBytes(caCertificates), matchTypedSubjectAltNames };
}

const optionsName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Which HTTP the backend is spoken to in, and how long its connections live. */
export function upstreamProtocol({ protocol, idleTimeoutMs }: Cluster, { cluster: { maxRequestsPerConnection } }: EnvoySettings): DeepPartial<EnvoyCluster> {
  const http2 = protocol === "h2" || protocol === "h2c";
  if (!http2 && idleTimeoutMs === undefined && maxRequestsPerConnection === undefined) return {};
  const idleTimeout = idleTimeoutMs === undefined ? undefined : toDuration(idleTimeoutMs);
  const protocolConfig = http2 ? { $case: "http2ProtocolOptions" as const, value: {} } : { $case: "httpProtocolOptions" as const, value: {} };
  const options = {
    commonHttpProtocolOptions: { idleTimeout, maxRequestsPerConnection },
    upstreamProtocolOptions: { $case: "explicitHttpConfig" as const, value: { protocolConfig } },
  };
  return { typedExtensionProtocolOptions: { [optionsName]: packAny(HttpProtocolOptions, options) } };
}
