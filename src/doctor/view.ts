import type { UpstreamProtocol, UpstreamValidation } from "#model/cluster";
import type { FleetName } from "#model/fleet";
import type { Origin } from "#model/origin";
import type { PathMatch } from "#model/route";

/** One way that requests or connections take, as far as the network is concerned. */
export interface RouteView {
  readonly fleet: FleetName;
  readonly scheme: "http" | "https" | "tcp" | "udp";
  /** As it is written: with a wildcard, or `*`. */
  readonly host: string;
  /** Absent where connections and not requests are routed. */
  readonly path?: PathMatch;
  /** Whether requests need more than their path to come here. */
  readonly conditional: boolean;
  /** The objects that it comes from. */
  readonly origins: readonly Origin[];
  /** Names of clusters of its fleet; none where it answers by itself. */
  readonly clusters: readonly string[];
  /** What the Host of forwarded requests is, where it is not that of the client. */
  readonly sentHost?: string;
}

/** One address behind a Service. */
export interface EndpointView {
  readonly address: string;
  readonly port: number;
  /** The node that it is on, where its EndpointSlice says so. */
  readonly node?: string;
  readonly pod?: { readonly namespace: string; readonly name: string };
}

/** Where a cluster's addresses come from. */
export type SourceView =
  | { readonly kind: "endpoints"; readonly endpoints: readonly EndpointView[]; /** Why there are none. */ readonly absent?: string; /** Whether it is the Service's cluster IP. */ readonly byClusterIp?: boolean }
  | { readonly kind: "name"; readonly host: string; readonly port: number; readonly family: "auto" | "v4" | "v6" | "all" };

/** A backend as Envoys have it. */
export interface ClusterView {
  readonly fleet: FleetName;
  readonly name: string;
  /** Absent where several Services share it. */
  readonly service?: { readonly namespace: string; readonly name: string; readonly port: string };
  /** The fields that lead to it; the first one is named in findings. */
  readonly origins: readonly [Origin, ...Origin[]];
  /** What goes over its connections. */
  readonly carries: "http" | "bytes" | "datagrams";
  readonly protocol: UpstreamProtocol;
  readonly source: SourceView;
  readonly connectMs: number;
  readonly serverName?: string;
  readonly validation?: UpstreamValidation;
  /** Whether Envoy shows a certificate, which a probe does not have. */
  readonly showsCertificate: boolean;
  readonly minimumTlsVersion?: "1.2" | "1.3";
  readonly maximumTlsVersion?: "1.2" | "1.3";
}

/** Something wrong with an object, found without looking at the network. */
export interface ObjectFault {
  readonly severity: "error" | "warning";
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
  /** The reason of its condition; empty where there is none. */
  readonly reason: string;
  readonly message: string;
  /** Where it stands in a file: `file:line:column`. */
  readonly place?: string;
}

/** An object that wants to have something to do with a host, whether it is served or not. */
export interface HostClaimView {
  readonly host: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** All that is routed. */
export interface RoutedView {
  readonly routes: readonly RouteView[];
  readonly claims: readonly HostClaimView[];
  readonly clusters: readonly ClusterView[];
  readonly faults: readonly ObjectFault[];
}
