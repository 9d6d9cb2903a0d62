import type { HeaderMatch, TimeoutSetting } from "#model/route";

/** Trying again when an upstream answered badly. */
export interface RetryPolicy {
  /** Envoy's retry conditions, comma separated: `5xx,reset`. */
  readonly on: string;
  readonly count: number;
  readonly perTryTimeoutMs?: number;
  readonly statusCodes: readonly number[];
  readonly backOffBaseMs?: number;
}

/** What of a request decides which endpoint gets it. */
export type HashPolicy = { readonly terminal: boolean } & (
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "query"; readonly name: string }
  | { readonly kind: "source-ip" }
  /** A session cookie that Envoy sets. */
  | { readonly kind: "cookie"; readonly name: string; readonly path: string }
);

/** An origin that may read answers across sites. */
export type CorsOrigin = { readonly kind: "any" } | { readonly kind: "exact"; readonly origin: string } | { readonly kind: "regex"; readonly pattern: string };

/** Which pages of other sites may use a host. */
export interface CorsPolicy {
  readonly allowOrigins: readonly CorsOrigin[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly allowPrivateNetwork: boolean;
  /** Whether Envoy itself answers preflight requests of other sites; otherwise the backend does. */
  readonly answerForeignPreflights?: boolean;
  readonly maxAgeSeconds?: number;
}

/** Which client addresses may pass. `peer` is the TCP peer, `remote` the client after X-Forwarded-For and PROXY protocol. */
export interface IpFilter {
  readonly action: "allow" | "deny";
  readonly rules: readonly { readonly source: "peer" | "remote"; readonly address: string; readonly prefixLength: number }[];
}

/** A token bucket inside each Envoy. */
export interface LocalRateLimit {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
  readonly statusCode: number;
  readonly responseHeaders: readonly { readonly name: string; readonly value: string }[];
}

/** One entry of a descriptor sent to the rate limit service. */
export type RateLimitEntry =
  | { readonly kind: "generic-key"; readonly key?: string; readonly value: string }
  | { readonly kind: "request-header"; readonly header: string; readonly descriptorKey: string }
  | { readonly kind: "remote-address" }
  | { readonly kind: "header-value-match"; readonly headers: readonly HeaderMatch[]; readonly expectMatch: boolean; readonly value: string };

/** The service that counts requests for all Envoys together, and how it is asked. */
export interface RateLimitService {
  readonly cluster: string;
  /** Keeps the limits of several users of one service apart. */
  readonly domain: string;
  /** Absent is Envoy's default of 20 ms. */
  readonly timeout?: TimeoutSetting;
  /** Whether requests pass while the service does not answer. */
  readonly failOpen: boolean;
  /** Whether clients are told their quota in X-RateLimit headers (draft-ietf-httpapi-ratelimit-headers-03). */
  readonly rateLimitHeaders: boolean;
  /** Whether gRPC clients get RESOURCE_EXHAUSTED rather than UNAVAILABLE. */
  readonly resourceExhausted: boolean;
}

/** Limits counted by an external service. */
export type GlobalRateLimit = { readonly kind: "disabled" } | { readonly kind: "descriptors"; readonly descriptors: readonly (readonly RateLimitEntry[])[] };

/** A change to the attributes of a cookie that the backend sets. */
export interface CookieRewrite {
  readonly name: string;
  readonly path?: string;
  readonly domain?: string;
  readonly secure?: boolean;
  readonly sameSite?: string;
}

/** Who issues the JSON Web Tokens that a host accepts, and where their keys are. */
export interface JwtProvider {
  /** The name by which routes require it, made from its contents: hosts that share a listener may call theirs the same. */
  readonly id: string;
  readonly name: string;
  readonly default: boolean;
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly forward: boolean;
  readonly keys:
    | { readonly kind: "local"; readonly jwks: string }
    | { readonly kind: "remote"; readonly uri: string; readonly cluster: string; readonly timeoutMs: number; readonly cacheDurationMs?: number };
}

/** A test of the name of a header. */
export type NameMatch = { readonly kind: "exact" | "prefix" | "suffix" | "contains"; readonly value: string; readonly ignoreCase: boolean };

/** Asking a service, for each request, whether it may pass. */
export interface ExternalAuthorization {
  /** Made from the contents: equal ones are one. */
  readonly id: string;
  readonly cluster: string;
  readonly service:
    | { readonly kind: "grpc" }
    /** The service gets the request's own path below `pathPrefix`, and of its headers those that are named. */
    | { readonly kind: "http"; readonly host: string; readonly pathPrefix: string; readonly requestHeaders: readonly NameMatch[]; readonly upstreamHeaders: readonly NameMatch[] };
  /** Absent is Envoy's default of 200 ms. */
  readonly timeout?: TimeoutSetting;
  /** Whether requests pass while the service does not answer. */
  readonly failOpen: boolean;
  /** What of a request's body the service gets; absent for nothing. */
  readonly body?: { readonly maxBytes: number; readonly allowPartial: boolean; readonly packAsBytes: boolean };
}

/** Whether requests are authorized, and what the service is told besides. */
export type AuthorizationUse = { readonly kind: "off" } | { readonly kind: "check"; readonly context: Readonly<Record<string, string>> };

/** A page in place of an error answer. */
export interface ErrorPage {
  /** Status codes from `from` to `to`, both included. */
  readonly answers: readonly { readonly from: number; readonly to: number }[];
  readonly body: string;
  readonly contentType: string;
  /** The status that the client gets; absent for the answer's own. */
  readonly status?: number;
}

/** What marks the requests of one session, which go to one endpoint. */
export type SessionPersistence =
  | { readonly kind: "header"; readonly name: string }
  /** Without a lifetime the cookie lives as long as the browser. */
  | { readonly kind: "cookie"; readonly name: string; readonly path: string; readonly lifetimeMs?: number };

/** Takes failing endpoints out of service for a while. What is absent is Envoy's default. */
export interface OutlierDetection {
  readonly consecutiveErrors?: number;
  readonly intervalMs?: number;
  readonly baseEjectionMs?: number;
  readonly maxEjectionPercent?: number;
}
