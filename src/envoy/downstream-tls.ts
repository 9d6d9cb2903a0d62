import { extension, typedConfig } from "#envoy/any";
import { ads } from "#envoy/config-source";
import { inlineBytes } from "#envoy/data-source";
import { tlsParameters } from "#envoy/tls-parameters";
import type { TransportSocket } from "#gen/envoy/envoy/config/core/v3/base";
import { QuicDownstreamTransport } from "#gen/envoy/envoy/extensions/transport_sockets/quic/v3/quic_transport";
import { CertificateValidationContext, CertificateValidationContext_TrustChainVerification as Verification } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/common";
import { SNI } from "#gen/envoy/envoy/extensions/transport_sockets/tls/cert_mappers/sni/v3/config";
import { Config as OnDemandSecret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/cert_selectors/on_demand_secret/v3/config";
import { DownstreamTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { compareText } from "#lib/compare";
import type { ClientValidation, TlsTermination, TlsVersions } from "#model/listener";
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

/** Ends TLS for many hosts: Envoy asks for the certificate of each by its name, when somebody first wants it. It cannot resume sessions then. */
export function downstreamTlsOnDemand(versions: TlsVersions, settings: EnvoySettings): TransportSocket {
  const { cipherSuites, ecdhCurves } = settings;
  const certificateMapper = extension("envoy.tls.certificate_mappers.sni", SNI, { defaultValue: noName });
  const commonTlsContext = {
    tlsParams: tlsParameters({ ...versions, cipherSuites, ecdhCurves }),
    alpnProtocols: settings.httpVersions.map((version) => alpn[version]),
    customTlsCertificateSelector: extension("envoy.tls.certificate_selectors.on_demand_secret", OnDemandSecret, { configSource: ads, certificateMapper, prefetchSecretNames: [...new Set(settings.certificatesPrefetchedFor)].toSorted(compareText) }),
  };
  const disabled = { disableStatefulSessionResumption: true, sessionTicketKeysType: { $case: "disableStatelessSessionResumption" as const, value: true } };
  return { name: "envoy.transport_sockets.tls", configType: typedConfig(DownstreamTlsContext, { commonTlsContext, ...disabled }) };
}

/** What Envoy asks for where a client names no host. No host is called this. */
const noName = "_";

function validationContext({ caCertificates, crl, onlyVerifyLeafCrl, mode }: ClientValidation): CertificateValidationContext {
  return CertificateValidationContext.fromPartial({
    ...(caCertificates === undefined ? {} : { trustedCa: inlineBytes(caCertificates) }),
    ...(crl === undefined ? {} : { crl: inlineBytes(crl), onlyVerifyLeafCertCrl: onlyVerifyLeafCrl }),
    trustChainVerification: mode === "request-without-verification" ? Verification.ACCEPT_UNTRUSTED : Verification.VERIFY_TRUST_CHAIN,
  });
}
