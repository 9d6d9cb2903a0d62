import type { FieldPath } from "#k8s/object";
import type { Problem } from "#conditions/problem";

/** Every problem that an ExtensionService's status can name: its type and, for each type, its reasons (projectcontour.io/v1alpha1). */
export const extensionServiceProblems = {
  SpecError: ["TimeoutPolicyNotValid", "TLSUpstreamValidation", "InconsistentProtocol", "IgnoredField", "CircuitBreakerPolicyNotValid"],
  TLSError: ["SecretNotValid", "CACertificateNotDelegated"],
  ServiceError: ["ServiceUnresolvedReference", "UnsupportedServiceType", "WeightInvalid"],
  EnvoyError: ["RejectedByEnvoy"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

type ProblemType = keyof typeof extensionServiceProblems;
type ProblemReason<T extends ProblemType> = (typeof extensionServiceProblems)[T][number];

/** An error: the service cannot be called. */
export function extensionError<T extends ProblemType>(type: T, reason: ProblemReason<T>, path: FieldPath, message: string): Problem {
  return { severity: "error", type, reason, path, message };
}

/** A warning: it can be called, but not all of what is written has an effect. */
export function extensionWarning<T extends ProblemType>(type: T, reason: ProblemReason<T>, path: FieldPath, message: string): Problem {
  return { severity: "warning", type, reason, path, message };
}
