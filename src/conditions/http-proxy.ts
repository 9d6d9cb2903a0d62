import { certificateWarnings, trustWarnings } from "#conditions/certificate";
import type { Problem } from "#conditions/problem";
import type { FieldPath } from "#k8s/object";

/** Every problem that an HTTPProxy's status can name: its type and, for each type, its reasons (projectcontour.io/v1). */
export const httpProxyProblems = {
  VirtualHostError: ["FQDNNotSpecified", "DuplicateVhost", "RateLimitPolicyNotValid", "RequestHeadersPolicyInvalid", "ResponseHeadersPolicyInvalid"],
  RootNamespaceError: ["RootProxyNotAllowedInNamespace"],
  SpecError: ["NothingDefined", "IgnoredField"],
  TLSError: ["TLSIncompatibleFeatures", "TLSConfigNotValid", "DelegationNotPermitted", "SecretNotValid", "FallbackNotPresent", "FallbackNotDelegated", "FallbackNotValid", "ClientValidationInvalid", "CACertificateNotDelegated", ...certificateWarnings, ...trustWarnings, "CertificateRefused", "CertificatePending", "CertificateFailing"],
  AuthError: ["AuthNotPermitted", "AuthBadResourceVersion", "ExtensionServiceNotFound", "AuthResponseTimeoutInvalid", "AuthContextForHTTP", "AuthBadAllowedHeader", "AuthBadPathPrefix"],
  JWTVerificationError: ["JWTVerificationNotPermitted", "DuplicateProviderName", "MultipleDefaultProvidersSpecified", "JWKSSourceConflict", "JWKSSourceMissing", "LocalJWKSInvalid", "RemoteJWKSURIInvalid", "RemoteJWKSSchemeInvalid", "RemoteJWKSUpstreamValidationInvalid", "RemoteJWKSCACertificateNotDelegated", "RemoteJWKSTimeoutInvalid", "RemoteJWKSCacheDurationInvalid", "RemoteJWKSPortInvalid", "RemoteJWKSDNSLookupFamilyInvalid", "JWTProviderNotDefined", "InvalidJWTVerificationPolicy"],
  IPFilterError: ["IncompatibleIPAddressFilters", "IPFilterPolicyNotValid", "InvalidCIDR"],
  CORSError: ["PolicyDidNotParse"],
  RouteError: ["RouteActionCountNotValid", "PathMatchConditionsNotValid", "HeaderMatchConditionsNotValid", "QueryParameterMatchConditionsNotValid", "RequestHeadersPolicyInvalid", "ResponseHeaderPolicyInvalid", "CookieRewritePoliciesInvalid", "TimeoutPolicyNotValid", "RateLimitPolicyNotValid", "RequestRedirectPolicy", "HealthCheckPolicyInvalid", "InternalRedirectPolicyInvalid", "RetryPolicyInvalid"],
  ServiceError: ["ServicePortInvalid", "ServiceUnresolvedReference", "UnsupportedProtocol", "TLSUpstreamValidation", "RequestHeadersPolicyInvalid", "ResponseHeadersPolicyInvalid", "SlowStartInvalid", "OnlyOneMirror", "OutlierDetectionInvalid", "MirrorInvalid", "WeightInvalid"],
  PrefixReplaceError: ["MustHavePrefix", "DuplicateReplacement", "AmbiguousReplacement", "RegexNotValid", "ReplacementNotValid"],
  TCPProxyError: ["HealthCheckPolicyInvalid", "WeightInvalid", "TLSMustBeConfigured", "NoServicesAndInclude", "NothingDefined", "ServiceUnresolvedReference", "IgnoredField"],
  TCPProxyIncludeError: ["IncludeNotFound", "RootIncludesRoot", "IncludeCreatesCycle"],
  IncludeError: ["IncludeNotFound", "RootIncludesRoot", "IncludeCreatesCycle", "PathMatchConditionsNotValid", "DuplicateMatchConditions"],
  ListenerError: ["ErrorIdentifyingListener"],
  Orphaned: ["Orphaned"],
  EnvoyError: ["RejectedByEnvoy"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The type of a problem. */
export type ProblemType = keyof typeof httpProxyProblems;
/** The reasons that a type of problem can have. */
export type ProblemReason<T extends ProblemType> = (typeof httpProxyProblems)[T][number];

/** One thing that is wrong, or odd, with an HTTPProxy. */
export interface HttpProxyProblem extends Problem {
  readonly type: ProblemType;
}

/** An error: the field cannot work as written. */
export function proxyError<T extends ProblemType>(type: T, reason: ProblemReason<T>, path: FieldPath, message: string): HttpProxyProblem {
  return { severity: "error", type, reason, path, message };
}

/** A warning: it works, but not all of what is written has an effect. */
export function proxyWarning<T extends ProblemType>(type: T, reason: ProblemReason<T>, path: FieldPath, message: string): HttpProxyProblem {
  return { severity: "warning", type, reason, path, message };
}
