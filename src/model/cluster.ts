import type { TlsVersion } from "#model/listener";
import type { Origin } from "#model/origin";
import type { OutlierDetection } from "#model/policy";
import type { SecretName } from "#model/secret";

/** The name of a cluster. Made from its contents, never from the position of the rule that uses it. */
export type ClusterName = string;

/** The name under which Envoy asks for the addresses of a Service's port. */
export type EndpointsName = string;

/** How connections to the backend speak. */
export type UpstreamProtocol = "http1" | "h2c" | "h2" | "tls";

/** Which endpoint gets the next request. */
export type LoadBalancing = "round-robin" | "least-request" | "random" | "ring-hash";

/** How the certificate of a backend is checked. */
export interface UpstreamValidation {
  /** PEM bundle of authorities; absent for those of the machine that Envoy runs on. */
  readonly caCertificates?: string;
  /** DNS names of which one must be in the certificate. */
  readonly subjectNames: readonly string[];
  /** URIs that may be in its place. */
  readonly subjectUris?: readonly string[];
}

/** An active health check of each endpoint. */
export type HealthCheck = {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
} & (
  | { readonly kind: "http"; readonly path: string; readonly host: string; readonly expectedStatuses: readonly { readonly start: number; readonly end: number }[] }
  | { readonly kind: "tcp" }
);

/** Limits on what is in flight to one cluster; absent is Envoy's default. */
export interface CircuitBreakers {
  readonly maxConnections?: number;
  readonly maxPendingRequests?: number;
  readonly maxRequests?: number;
  readonly maxRetries?: number;
  readonly perHostMaxConnections?: number;
}

/** A growing share of traffic for endpoints that are new. */
export interface SlowStart {
  readonly windowMs: number;
  readonly aggression: number;
  readonly minimumWeightPercent: number;
}

/** Where a cluster's addresses come from. */
export type ClusterSource =
  | { readonly kind: "endpoints"; readonly endpoints: EndpointsName }
  | { readonly kind: "dns"; readonly host: string; readonly port: number; readonly family: "auto" | "v4" | "v6" | "all" };

/** A group of equal endpoints with the settings of the connections to them. */
export interface Cluster {
  readonly name: ClusterName;
  /** The name that dashboards know it by: `namespace_service_port`. */
  readonly statName: string;
  readonly source: ClusterSource;
  readonly protocol: UpstreamProtocol;
  readonly loadBalancing: LoadBalancing;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs?: number;
  readonly sni?: string;
  readonly validation?: UpstreamValidation;
  readonly minimumTlsVersion?: TlsVersion;
  readonly maximumTlsVersion?: TlsVersion;
  readonly healthCheck?: HealthCheck;
  readonly circuitBreakers: CircuitBreakers;
  readonly slowStart?: SlowStart;
  readonly outlierDetection?: OutlierDetection;
  /** The certificate that Envoy shows to the backend. */
  readonly clientCertificate?: SecretName;
  /** Whether the endpoints are in groups whose weights count. */
  readonly weightedGroups?: boolean;
  readonly origin: Origin;
}

/** One address that serves a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** The port that health checks use when it differs. */
  readonly healthCheckPort?: number;
  /** The zones, and the nodes, from which it is preferred: said of all endpoints of a port or of none. */
  readonly nearZones?: readonly string[];
  readonly nearNodes?: readonly string[];
}

/** The addresses behind one port of a Service, in a stable order. */
export interface Endpoints {
  readonly name: EndpointsName;
  readonly endpoints: readonly Endpoint[];
  /** Absent for one group; otherwise `endpoints` is empty. */
  readonly groups?: readonly EndpointGroup[];
}

/** Endpoints of one of several Services that share the traffic of a cluster. */
export interface EndpointGroup {
  readonly name: string;
  readonly weight: number;
  readonly endpoints: readonly Endpoint[];
}
