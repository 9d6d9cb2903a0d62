import type { ClusterName } from "#model/cluster";
import type { ListenerName } from "#model/listener";
import type { Origin } from "#model/origin";
import type { AuthorizationUse, CookieRewrite, CorsPolicy, ErrorPage, GlobalRateLimit, HashPolicy, IpFilter, LocalRateLimit, RetryPolicy, SessionPersistence } from "#model/policy";

/** What the path of a request must be. Regular expressions are RE2 and match the whole path. */
export type PathMatch =
  | { readonly kind: "exact"; readonly path: string }
  | { readonly kind: "prefix"; readonly path: string; readonly by: "segment" | "string" }
  | { readonly kind: "regex"; readonly pattern: string };

/** A test of a text value: of a header or of a query parameter. */
export type ValueMatch =
  | { readonly kind: "present" }
  | { readonly kind: "exact" | "contains" | "prefix" | "suffix"; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: "regex"; readonly pattern: string };

/** A rule on one request header; the name is lower-case. */
export interface HeaderMatch {
  readonly name: string;
  readonly value: ValueMatch;
  readonly invert: boolean;
  readonly treatMissingAsEmpty: boolean;
}

/** A rule on one query parameter. */
export interface QueryMatch {
  readonly name: string;
  readonly value: ValueMatch;
}

/** Everything a request must fulfil to take a route. */
export interface RouteMatch {
  readonly path: PathMatch;
  readonly method?: string;
  /** Only gRPC calls match; the numbers say how many characters of service and method are named. */
  readonly grpc?: { readonly service: number; readonly method: number };
  readonly headers: readonly HeaderMatch[];
  readonly queryParameters: readonly QueryMatch[];
}

/** Changes to the headers of a request or response. Values are already escaped for Envoy's formatter. */
export interface HeaderPolicy {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

/** A cluster that takes a share of the traffic. */
export interface ForwardTarget {
  readonly cluster: ClusterName;
  readonly weight: number;
  readonly requestHeaders?: HeaderPolicy;
  readonly responseHeaders?: HeaderPolicy;
  readonly hostRewrite?: HostRewrite;
  readonly cookieRewrites?: readonly CookieRewrite[];
}

/** What the Host of a forwarded request becomes. */
export type HostRewrite = { readonly kind: "literal"; readonly host: string } | { readonly kind: "header"; readonly header: string };

/** What the path of a forwarded or redirected request becomes. */
export type PathRewrite =
  | { readonly kind: "full"; readonly path: string }
  /** Replaces what the prefix match matched. */
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "regex"; readonly pattern: string; readonly substitution: string };

/** A copy of requests whose answers are thrown away. */
export interface Mirror {
  readonly cluster: ClusterName;
  /** The share of requests in percent, 0 to 100. */
  readonly percent: number;
}

/** A time limit: off, or so many milliseconds; absent where this is optional means Envoy's default. */
export type TimeoutSetting = { readonly kind: "off" } | { readonly kind: "after"; readonly ms: number };

/** Following an upstream's redirects inside Envoy. */
export interface InternalRedirect {
  readonly maxRedirects?: number;
  readonly codes: readonly number[];
  readonly crossScheme: "never" | "always" | "safe-only";
  readonly denyRepeatedRoute: boolean;
}

/** Stands among several targets for one that cannot be resolved: its share of the requests is answered with 500 (Gateway API, HTTPBackendRef). */
export const unresolvedCluster: ClusterName = "contour/unresolved-backend";

/** Sending requests to backends. */
export interface ForwardAction {
  readonly kind: "forward";
  /** Targets with a share above 0, or a single one. */
  readonly targets: readonly ForwardTarget[];
  readonly mirrors: readonly Mirror[];
  readonly pathRewrite?: PathRewrite;
  readonly hostRewrite?: HostRewrite;
  readonly responseTimeout?: TimeoutSetting;
  readonly idleTimeout?: TimeoutSetting;
  readonly retry?: RetryPolicy;
  readonly hashPolicies: readonly HashPolicy[];
  readonly websocket: boolean;
  readonly internalRedirect?: InternalRedirect;
}

/** Answering with another address. */
export interface RedirectAction {
  readonly kind: "redirect";
  readonly scheme?: "http" | "https";
  readonly host?: string;
  readonly port?: number;
  readonly code: 301 | 302 | 303 | 307 | 308;
  readonly path?: PathRewrite;
}

/** Answering without a backend. */
export interface DirectResponseAction {
  readonly kind: "direct-response";
  readonly status: number;
  readonly body?: string;
}

/** What happens to a request that a route matched. */
export type RouteAction = ForwardAction | RedirectAction | DirectResponseAction;

/** Per-route settings of the filters in front of it; absent means as the virtual host has it. */
export interface RoutePolicies {
  readonly requestHeaders?: HeaderPolicy;
  readonly responseHeaders?: HeaderPolicy;
  readonly cookieRewrites?: readonly CookieRewrite[];
  readonly ipFilter?: IpFilter;
  readonly localRateLimit?: LocalRateLimit;
  readonly globalRateLimit?: GlobalRateLimit;
  /** The id of the JWT provider that the request must satisfy; "none" lifts the host's default. */
  readonly jwt?: { readonly kind: "require"; readonly provider: string } | { readonly kind: "none" };
  readonly cors?: CorsPolicy;
  readonly authorization?: AuthorizationUse;
  /** The id of the authorization that this route has, where hosts of its connections have others, or none. */
  readonly authorizationService?: string;
  readonly sessionPersistence?: SessionPersistence;
  readonly errorPages?: readonly ErrorPage[];
  /** The largest body of a request; 0 lifts the host's limit. */
  readonly maxRequestBytes?: number;
}

/** One way through a virtual host. */
export interface Route {
  readonly match: RouteMatch;
  /** Ties between equally specific routes go to the smaller number. */
  readonly priority: number;
  readonly action: RouteAction;
  readonly policies: RoutePolicies;
  readonly origin: Origin;
}

/** The routes of one host on one listener, in the order in which they are tried. */
export interface VirtualHost {
  readonly listener: ListenerName;
  /** A host, `*.` and a host for exactly one more label, or `*` for every host. */
  readonly host: string;
  /** `one-label`: `*.example.com` matches a.example.com only. `any-depth`: a.b.example.com too (Gateway API). */
  readonly wildcard: "one-label" | "any-depth";
  /** TLS hosts refuse requests for another host than the one that the client asked for by SNI. */
  readonly requireSni: boolean;
  /** Whose connections these are, where it is another host: a listener of a Gateway has all hosts that no other listener is more specific for. */
  readonly tlsHost?: string;
  readonly routes: readonly Route[];
  readonly cors?: CorsPolicy;
  readonly ipFilter?: IpFilter;
  readonly localRateLimit?: LocalRateLimit;
  readonly globalRateLimit?: GlobalRateLimit;
  readonly errorPages?: readonly ErrorPage[];
  /** Absent where nothing but the listener's own authorization, if it has one, counts. */
  readonly authorization?: AuthorizationUse;
  /** The authorization that only this host has, of all that share its connections. */
  readonly ownAuthorization?: string;
  /** The guards, by id, without which a connection must not reach the routes: see `Guard`. */
  readonly guards?: readonly string[];
  readonly origins: readonly Origin[];
}
