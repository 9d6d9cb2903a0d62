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
  | { readonly kind: "header-value-match"; readonly headers: readonly import("#model/route").HeaderMatch[]; readonly expectMatch: boolean; readonly value: string };

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
  readonly name: string;
  readonly default: boolean;
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly forward: boolean;
  readonly keys:
    | { readonly kind: "local"; readonly jwks: string }
    | { readonly kind: "remote"; readonly uri: string; readonly cluster: string; readonly timeoutMs: number; readonly cacheDurationMs?: number };
}
