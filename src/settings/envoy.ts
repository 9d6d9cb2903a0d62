import type { AccessLogFormat, AccessLogLevel, OtlpLog } from "#settings/access-log";

/** The Envoy that the generated types belong to. */
export const envoyVersion = "1.40.0";

/** A limit in milliseconds, or none at all; absent leaves Envoy's own default. */
export type TimeoutChoice = number | "off";

/** Where and whether something of Envoy itself is served. */
export interface EnvoyAddress {
  readonly address: string;
  readonly port: number;
}

/** Files by which metrics are served over TLS; they are followed. */
export interface MetricsTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** The authority that clients' certificates have to come from; absent asks for none. */
  readonly caFile?: string;
}

/** Where spans of requests go, and which. */
export interface Tracing {
  /** The cluster of the collector. */
  readonly cluster: string;
  readonly serviceName: string;
  /** Shares of requests: all that are traced at most, at random, and of those whose clients ask for it. */
  readonly percent: { readonly overall: number; readonly random: number; readonly client: number };
  /** Characters of the path that a span keeps. */
  readonly maxPathTagLength: number;
  /** Whether spans name the pod of Envoy. */
  readonly podDetail: boolean;
  readonly tags: readonly { readonly name: string; readonly value: { readonly kind: "literal"; readonly text: string } | { readonly kind: "header"; readonly header: string } }[];
}

/** What an operator chooses about Envoy itself. Every value has a default in `defaultEnvoySettings`. */
export interface EnvoySettings {
  /** The file that gets a line per request; absent for no access log. */
  readonly accessLogPath?: string;
  /** The same for connections with TLS; absent where it is one file. */
  readonly accessLogPathHttps?: string;
  readonly accessLogFormat: AccessLogFormat;
  readonly accessLogLevel: AccessLogLevel;
  /** Where the same goes over OTLP; absent for nowhere. */
  readonly accessLogOtlp?: OtlpLog;
  readonly timeouts: {
    /** The time to receive a whole request. */
    readonly request?: TimeoutChoice;
    /** How long a client's connection may have no request. */
    readonly connectionIdle?: TimeoutChoice;
    readonly streamIdle?: TimeoutChoice;
    readonly maxConnectionDuration?: TimeoutChoice;
    readonly delayedClose?: TimeoutChoice;
    /** The time between Envoy's two notices to HTTP/2 clients before it closes a connection. */
    readonly connectionShutdownGracePeriod?: TimeoutChoice;
  };
  readonly tracing?: Tracing;
  readonly compression: "gzip" | "brotli" | "zstd" | "off";
  readonly serverHeader: "overwrite" | "append-if-absent" | "pass-through";
  readonly mergeSlashes: boolean;
  readonly allowChunkedLength: boolean;
  readonly stripTrailingHostDot: boolean;
  /** How many proxies in front of Envoy may be believed in X-Forwarded-For. */
  readonly numTrustedHops: number;
  readonly httpVersions: readonly ("HTTP/1.1" | "HTTP/2")[];
  readonly maxRequestsPerConnection?: number;
  readonly maxConcurrentStreams?: number;
  readonly perConnectionBufferLimitBytes?: number;
  readonly maxConnectionsToAcceptPerSocketEvent?: number;
  /** How many connections each listener for clients has at once; absent for no limit. */
  readonly maxConnectionsPerListener?: number;
  /** How many requests of one connection are begun before others get their turn. */
  readonly maxRequestsPerIoCycle?: number;
  /** Values for Envoy's runtime as the operator wrote them; what Contour itself needs wins. */
  readonly runtime: Readonly<Record<string, string>>;
  /** Whether connections are spread evenly over Envoy's threads. */
  readonly exactConnectionBalance: boolean;
  /** From how many TLS hosts on a listener keeps one filter chain for all that are alike, with certificates that Envoy asks for when they are needed; 0 for never. */
  readonly certificatesOnDemandFrom: number;
  /** Hosts whose certificates Envoy asks for when it starts, where it asks for certificates: these are served although no controller can be reached. */
  readonly certificatesPrefetchedFor: readonly string[];
  /** Ciphers of TLS 1.2, as BoringSSL names them. */
  readonly cipherSuites: readonly string[];
  readonly ecdhCurves: readonly string[];
  readonly fingerprints: { readonly ja3: boolean; readonly ja4: boolean };
  readonly socketOptions: { readonly tos?: number; readonly trafficClass?: number };
  /** How many more endpoints a request is offered to when a connection fails and nothing was sent; 0 for none. */
  readonly connectionRetries: number;
  readonly cluster: {
    readonly maxRequestsPerConnection?: number;
    readonly perConnectionBufferLimitBytes?: number;
    readonly cipherSuites: readonly string[];
    readonly ecdhCurves: readonly string[];
  };
  /** Where `/ready` and the metrics are served; port 0 for nowhere. */
  readonly stats: EnvoyAddress;
  /** Shows metrics over TLS only: files in Envoy's own file system. Then `/ready` is where `health` is, and there alone. */
  readonly statsTls?: MetricsTls;
  /** Where `/ready` is served by itself, too; absent for nowhere else. */
  readonly health?: EnvoyAddress;
  /** Where `/ready` answers only while Envoy's overload manager lets connections in; absent for nowhere. */
  readonly overloadHealth?: EnvoyAddress;
  /** The loopback port of the part of Envoy's admin interface that changes nothing; 0 for none. */
  readonly adminPort: number;
}

const cipherSuites: readonly string[] = [
  "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
  "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
];

/** The Envoy of an unconfigured controller, as Go Contour's. */
export const defaultEnvoySettings: EnvoySettings = {
  accessLogPath: "/dev/stdout",
  accessLogFormat: { kind: "default" },
  accessLogLevel: "info",
  timeouts: { connectionIdle: 60_000 },
  compression: "gzip",
  serverHeader: "overwrite",
  mergeSlashes: true,
  allowChunkedLength: true,
  stripTrailingHostDot: false,
  numTrustedHops: 0,
  httpVersions: ["HTTP/2", "HTTP/1.1"],
  runtime: {},
  exactConnectionBalance: false,
  certificatesOnDemandFrom: 100,
  certificatesPrefetchedFor: [],
  cipherSuites,
  ecdhCurves: [],
  fingerprints: { ja3: false, ja4: false },
  socketOptions: {},
  connectionRetries: 2,
  cluster: { cipherSuites, ecdhCurves: [] },
  stats: { address: "0.0.0.0", port: 8002 },
  adminPort: 9001,
};
