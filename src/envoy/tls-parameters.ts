import { TlsParameters, TlsParameters_TlsProtocol as Protocol } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/common";
import type { TlsVersion } from "#model/listener";

const protocols: Readonly<Record<TlsVersion, Protocol>> = { "1.2": Protocol.TLSv1_2, "1.3": Protocol.TLSv1_3 };

/** Which TLS a connection may speak; what is absent is Envoy's default. */
export interface TlsChoice {
  readonly minimumVersion: TlsVersion | undefined;
  readonly maximumVersion: TlsVersion | undefined;
  readonly cipherSuites: readonly string[];
  readonly ecdhCurves: readonly string[];
}

/** TLS versions, ciphers and curves as Envoy writes them. */
export function tlsParameters({ minimumVersion, maximumVersion, cipherSuites, ecdhCurves }: TlsChoice): TlsParameters {
  return TlsParameters.fromPartial({
    tlsMinimumProtocolVersion: minimumVersion === undefined ? Protocol.TLS_AUTO : protocols[minimumVersion],
    tlsMaximumProtocolVersion: maximumVersion === undefined ? Protocol.TLS_AUTO : protocols[maximumVersion],
    cipherSuites: [...cipherSuites],
    ecdhCurves: [...ecdhCurves],
  });
}
