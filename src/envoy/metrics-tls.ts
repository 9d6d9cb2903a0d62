import { dirname } from "node:path";
import { encode, typedConfig } from "#envoy/any";
import { ads } from "#envoy/config-source";
import type { TransportSocket } from "#gen/envoy/envoy/config/core/v3/base";
import { TlsParameters_TlsProtocol as Protocol } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/common";
import { Secret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import { DownstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import type { MetricsTls } from "#settings/envoy";

/** The secrets by which metrics are served over TLS, named as by Go Contour. */
const [certificateName, authorityName] = ["metrics-tls-certificate", "metrics-ca-certificate"];

/** Ends TLS for who fetches metrics. */
export function metricsTransport({ caFile }: MetricsTls): TransportSocket {
  const commonTlsContext = {
    tlsParams: { tlsMinimumProtocolVersion: Protocol.TLSv1_3, tlsMaximumProtocolVersion: Protocol.TLSv1_3 },
    tlsCertificateSdsSecretConfigs: [{ name: certificateName, sdsConfig: ads }],
    ...(caFile === undefined ? {} : { validationContextType: { $case: "validationContextSdsSecretConfig" as const, value: { name: authorityName, sdsConfig: ads } } }),
  };
  return { name: "envoy.transport_sockets.tls", configType: typedConfig(DownstreamTlsContext, { commonTlsContext, requireClientCertificate: caFile !== undefined }) };
}

/** The secrets themselves, encoded: they name files, whose folders Envoy watches. Files of a mounted Secret are swapped by their folder. */
export function metricsSecrets({ certFile, keyFile, caFile }: MetricsTls): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  const file = (filename: string) => ({ specifier: { $case: "filename" as const, value: filename } });
  const certificate = { certificateChain: file(certFile), privateKey: file(keyFile), watchedDirectory: { path: dirname(certFile) } };
  return [
    { name: certificateName, bytes: encode(Secret, { name: certificateName, type: { $case: "tlsCertificate", value: certificate } }) },
    ...(caFile === undefined ? [] : [{ name: authorityName, bytes: encode(Secret, { name: authorityName, type: { $case: "validationContext", value: { trustedCa: file(caFile), watchedDirectory: { path: dirname(caFile) } } } }) }]),
  ];
}
