import type { Origin } from "#model/origin";
import type { ExternalAuthorization, IpFilter, JwtProvider, RateLimitService } from "#model/policy";
import type { ForwardTarget } from "#model/route";
import type { SecretName } from "#model/secret";

/** The name of a listener: also the first half of the key under which its hosts are found. */
export type ListenerName = string;

/** An address and port that Envoy accepts connections on. */
export interface Listener {
  readonly name: ListenerName;
  readonly address: string;
  readonly port: number;
  readonly protocol: "http" | "https" | "tcp" | "udp";
  /** Whether a PROXY protocol header is expected in front of each connection. */
  readonly proxyProtocol: boolean;
  /** Asked about every request but those of hosts with an authorization of their own. */
  readonly authorization?: ExternalAuthorization;
  readonly rateLimitService?: RateLimitService;
  /** Whether routes can keep sessions at one endpoint. */
  readonly sessions?: boolean;
  /** The UDP port at which clients see this listener's HTTP/3, for hosts with TLS; absent where that is off. Envoy has it at the number of `port`. */
  readonly http3Port?: number;
}

/** What keeps strangers out of a host and stands, as an HTTP filter, in front of the routes. */
export type Guard = { readonly kind: "jwt"; readonly provider: JwtProvider } | { readonly kind: "authorization"; readonly authorization: ExternalAuthorization };

/** The name of a guard: a connection shows which ones it passes, and a host which ones it needs. */
export function guardId(guard: Guard): string {
  return guard.kind === "jwt" ? `jwt/${guard.provider.id}` : `authorization/${guard.authorization.id}`;
}

/** TLS versions that Contour offers, oldest first. */
export type TlsVersion = "1.2" | "1.3";

/** The oldest and the newest TLS version that a client may have. */
export interface TlsVersions {
  readonly minimumVersion: TlsVersion;
  readonly maximumVersion: TlsVersion;
}

/** How clients prove who they are with a certificate. */
export interface ClientValidation {
  /** PEM bundle of the authorities that client certificates must lead to; absent when verification is skipped. */
  readonly caCertificates?: string;
  readonly crl?: string;
  readonly onlyVerifyLeafCrl: boolean;
  readonly mode: "required" | "optional" | "request-without-verification";
  /** Which parts of the client's certificate are passed on in x-forwarded-client-cert; absent for none. */
  readonly forward?: {
    readonly subject: boolean;
    readonly cert: boolean;
    readonly chain: boolean;
    readonly dns: boolean;
    readonly uri: boolean;
  };
}

/** How TLS of a host is ended here. Hosts with equal settings share one filter chain. */
export interface TlsTermination extends TlsVersions {
  readonly certificate: SecretName;
  readonly clientValidation?: ClientValidation;
}

/** What happens with TLS connections whose SNI is one host. */
export type TlsHost =
  | { readonly kind: "http"; readonly listener: ListenerName; readonly host: string; readonly tls: TlsTermination; readonly filters: HttpFilterSettings; readonly origin: Origin }
  | { readonly kind: "tcp-terminated"; readonly listener: ListenerName; readonly host: string; readonly tls: TlsTermination; readonly proxy: TcpProxy; readonly origin: Origin }
  | { readonly kind: "passthrough"; readonly listener: ListenerName; readonly host: string; readonly proxy: TcpProxy; readonly origin: Origin }
  /** Connections by which an ACME server looks for the answer to its challenge (RFC 8737): nothing but a certificate is shown. */
  | { readonly kind: "tls-alpn-challenge"; readonly listener: ListenerName; readonly host: string; readonly certificate: SecretName; readonly origin: Origin }
  /** Clients without SNI, or with one that no host has, that reach hosts which opted in to the fallback certificate. */
  | { readonly kind: "fallback"; readonly listener: ListenerName; readonly tls: TlsTermination; readonly origin: Origin };

/** Settings of a host that need an HTTP filter of their own in front of its routes; hosts that need any get their own chain. */
export interface HttpFilterSettings {
  readonly guards: readonly Guard[];
  /** Whether guards stand there for some routes only, which wake them. */
  readonly shared?: boolean;
}

/** Bytes forwarded as they come. */
export interface TcpProxy {
  readonly targets: readonly ForwardTarget[];
  readonly idleTimeoutMs: number;
  readonly ipFilter?: IpFilter;
  readonly origin: Origin;
}
