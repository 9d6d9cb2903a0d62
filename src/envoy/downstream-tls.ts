import { typedConfig } from "#envoy/any";
import { ads } from "#envoy/config-source";
import { inlineBytes } from "#envoy/data-source";
import { tlsParameters } from "#envoy/tls-parameters";
import type { TransportSocket } from "#gen/envoy/envoy/config/core/v3/base";
import { QuicDownstreamTransport } from "#gen/envoy/envoy/extensions/transport_sockets/quic/v3/quic_transport";
import { CertificateValidationContext, CertificateValidationContext_TrustChainVerification as Verification } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/common";
import { DownstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import type { ClientValidation, TlsTermination } from "#model/listener";
import type { EnvoySettings } from "#settings/envoy";

const alpn: Readonly<Record<EnvoySettings["httpVersions"][number], string>> = { "HTTP/1.1": "http/1.1", "HTTP/2": "h2" };

/** Ends TLS for HTTP/3. QUIC has TLS 1.3 only, with ciphers of its own; nothing is taken from a client before it has shown that it is no replay. */
export function downstreamQuic({ certificate }: TlsTermination): TransportSocket {
  const downstreamTlsContext = { commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: certificate, sdsConfig: ads }] } };
  return { name: "envoy.transport_sockets.quic", configType: typedConfig(QuicDownstreamTransport, { downstreamTlsContext, enableEarlyData: false }) };
}

/** Ends TLS for hosts whose connections carry HTTP, or bytes. The certificate comes over SDS, so its renewal touches no listener. */
export function downstreamTls(tls: TlsTermination, carries: "http" | "bytes", settings: EnvoySettings): TransportSocket {
  const { cipherSuites, ecdhCurves } = settings;
  const validation = tls.clientValidation;
  const commonTlsContext = {
    tlsParams: tlsParameters({ minimumVersion: tls.minimumVersion, maximumVersion: tls.maximumVersion, cipherSuites, ecdhCurves }),
    tlsCertificateSdsSecretConfigs: [{ name: tls.certificate, sdsConfig: ads }],
    alpnProtocols: carries === "http" ? settings.httpVersions.map((version) => alpn[version]) : [],
    ...(validation === undefined ? {} : { validationContextType: { $case: "validationContext" as const, value: validationContext(validation) } }),
  };
  const requireClientCertificate = validation === undefined ? undefined : validation.mode === "required";
  return { name: "envoy.transport_sockets.tls", configType: typedConfig(DownstreamTlsContext, { commonTlsContext, requireClientCertificate }) };
}

function validationContext({ caCertificates, crl, onlyVerifyLeafCrl, mode }: ClientValidation): CertificateValidationContext {
  return CertificateValidationContext.fromPartial({
    ...(caCertificates === undefined ? {} : { trustedCa: inlineBytes(caCertificates) }),
    ...(crl === undefined ? {} : { crl: inlineBytes(crl), onlyVerifyLeafCertCrl: onlyVerifyLeafCrl }),
    trustChainVerification: mode === "request-without-verification" ? Verification.ACCEPT_UNTRUSTED : Verification.VERIFY_TRUST_CHAIN,
  });
}
