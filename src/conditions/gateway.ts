import { certificateWarnings } from "#conditions/certificate";

/** Every condition of Gateway API that Contour sets and, for each, the reasons it can have (Gateway API v1.6). */
export const gatewayConditions = {
  GatewayClass: {
    Accepted: ["Accepted", "InvalidParameters"],
  },
  Gateway: {
    Accepted: ["Accepted", "ListenersNotValid", "UnsupportedAddress", "InvalidParameters"],
    Programmed: ["Programmed", "Invalid", "AddressNotAssigned", "AddressNotUsable", "Pending"],
    ResolvedRefs: ["ResolvedRefs", "InvalidClientCertificateRef", "RefNotPermitted"],
    InsecureFrontendValidationMode: ["ConfigurationChanged"],
  },
  Listener: {
    Accepted: ["Accepted", "PortUnavailable", "UnsupportedProtocol", "UnsupportedValue", "HostnameConflict", "ProtocolConflict", "NoValidCACertificate"],
    Programmed: ["Programmed", "Invalid", "Pending", "HostnameConflict", "ProtocolConflict"],
    ResolvedRefs: ["ResolvedRefs", "InvalidCertificateRef", "InvalidRouteKinds", "RefNotPermitted", "InvalidCACertificateRef", "InvalidCACertificateKind"],
    Conflicted: ["NoConflicts", "HostnameConflict", "ProtocolConflict"],
    OverlappingTLSConfig: ["OverlappingHostnames"],
    CertificateWarning: certificateWarnings,
  },
  ListenerSet: {
    Accepted: ["Accepted", "NotAllowed", "ListenersNotValid", "ParentNotAccepted"],
    Programmed: ["Programmed", "NotAllowed", "ListenersNotValid", "ParentNotProgrammed"],
  },
  Policy: {
    Accepted: ["Accepted", "Conflicted", "TargetNotFound", "NoValidCACertificate", "Invalid"],
    ResolvedRefs: ["ResolvedRefs", "InvalidCACertificateRef", "InvalidKind"],
  },
  Route: {
    Accepted: ["Accepted", "NotAllowedByListeners", "NoMatchingListenerHostname", "NoMatchingParent", "UnsupportedValue", "IncompatibleFilters", "HostnameConflict"],
    ResolvedRefs: ["ResolvedRefs", "RefNotPermitted", "InvalidKind", "BackendNotFound", "UnsupportedProtocol"],
    PartiallyInvalid: ["UnsupportedValue", "IncompatibleFilters"],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** What a condition speaks about. */
export type ConditionSubject = keyof typeof gatewayConditions;
/** The conditions that a subject can have. */
export type ConditionType<S extends ConditionSubject> = keyof (typeof gatewayConditions)[S] & string;
/** The reasons that a condition of a subject can have. */
export type ConditionReason<S extends ConditionSubject, T extends ConditionType<S>> = (typeof gatewayConditions)[S][T] extends readonly (infer R)[] ? R & string : never;

/** One condition as the status of an object shows it, without the time of its last change. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  /** The generation of the object that the condition speaks about. */
  readonly observedGeneration: number;
}

/** Makes a condition; the compiler knows which reasons go with which type of which subject. */
export function condition<S extends ConditionSubject, T extends ConditionType<S>>(_subject: S, type: T, status: "True" | "False", reason: ConditionReason<S, T>, message: string, observedGeneration: number): Condition {
  return { type, status, reason, message, observedGeneration };
}
