import { certificateWarnings } from "#conditions/certificate";
import type { CertificateWarning } from "#conditions/certificate";
import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Result } from "#lib/result";
import { gatewayGroup } from "#translate/gateway/api";
import type { CertificateProblem } from "#translate/gateway/certificates";
import { ingressHttpsProtocol } from "#translate/gateway/listener-names";
import type { ListenerUnit, PortClaim } from "#translate/gateway/gateway-shape";
import type { FrontendValidation } from "#translate/gateway/gateway-tls";
import type { ServingCertificate } from "#translate/secrets/certificate";

/** Everything that decides whether a listener of a Gateway works. */
export interface ListenerState {
  readonly unit: ListenerUnit;
  /** The Gateway that has the Envoy port for another protocol. */
  readonly portTakenBy?: PortClaim;
  /** The older Gateway that serves the same host, or the same port where no hosts are told apart. */
  readonly hostTakenBy?: Omit<PortClaim, "transport" | "port">;
  /** Absent for listeners at which no TLS ends. */
  readonly certificate?: Result<ServingCertificate, CertificateProblem>;
  /** What is odd with the certificate. */
  readonly warnings: readonly CertificateWarning[];
  /** What is asked of clients; absent for nothing. */
  readonly frontend?: FrontendValidation;
  /** Whether Ingresses and HTTPProxies are attached to the Gateway. */
  readonly takesIngresses: boolean;
  readonly attachedRoutes: number;
  /** Why the whole Gateway is refused. */
  readonly gatewayRefused?: string;
  /** Whether Envoys have taken the listener. */
  readonly taken: boolean;
}

/** The conditions of a listener, and whether it is served. */
export interface ListenerVerdict {
  readonly accepted: boolean;
  /** Whether Envoys are told about it. */
  readonly served: boolean;
  readonly programmed: boolean;
  readonly status: Readonly<Record<string, unknown>>;
}

/** Judges one listener of a Gateway. `generation` is that of the object which owns the listener. */
export function judgeListener(state: ListenerState, generation: number): ListenerVerdict {
  const { shape } = state.unit;
  const accepted = acceptedCondition(state, generation);
  const resolved = resolvedRefs(state, generation);
  const obstacle = programmingObstacle(state, accepted, resolved);
  const programmed = programmedCondition(state, obstacle, generation);
  return {
    accepted: accepted.status === "True",
    served: obstacle === undefined,
    programmed: programmed.status === "True",
    status: {
      name: shape.name,
      supportedKinds: shape.kinds.supported.map((kind) => ({ group: gatewayGroup, kind })),
      attachedRoutes: state.attachedRoutes,
      conditions: [accepted, programmed, resolved, conflicted(state, generation), ...overlapping(state, generation), ...certificateWarning(state, generation)],
    },
  };
}

function acceptedCondition({ unit: { shape, conflict }, portTakenBy, frontend, takesIngresses }: ListenerState, generation: number): Condition {
  const refuse = (reason: "HostnameConflict" | "ProtocolConflict" | "UnsupportedProtocol" | "PortUnavailable" | "UnsupportedValue" | "NoValidCACertificate", message: string): Condition => condition("Listener", "Accepted", "False", reason, message, generation);
  if (shape.protocol === undefined) return refuse("UnsupportedProtocol", "the protocol of this listener is not supported; use HTTP, HTTPS, TLS, TCP or UDP");
  if (shape.protocol === ingressHttpsProtocol && !takesIngresses) return refuse("UnsupportedProtocol", `protocol ${ingressHttpsProtocol} is for the Gateway that Ingresses and HTTPProxies are attached to (gateway.gatewayRef of the configuration), which this one is not; use HTTPS`);
  if (conflict !== undefined) return refuse(conflict.reason, conflict.message);
  if (shape.invalid !== undefined) return refuse("UnsupportedValue", shape.invalid);
  if (portTakenBy !== undefined) return refuse("PortUnavailable", portTakenBy.port === shape.port ? `the older Gateway ${portTakenBy.gateway} has this port for ${portTakenBy.transport}; choose another port` : `port ${portTakenBy.port} of Gateway ${portTakenBy.gateway} becomes the same port of Envoy as this one; choose another port`);
  if (frontend !== undefined && frontend.client === undefined) return refuse("NoValidCACertificate", `nobody may come in, as no certificate of a client can be checked: ${frontend.problem?.message ?? "no authorities are named"}`);
  return condition("Listener", "Accepted", "True", "Accepted", "the listener is valid", generation);
}

function resolvedRefs({ unit: { shape }, certificate, frontend }: ListenerState, generation: number): Condition {
  if (shape.kinds.invalid.length > 0) return condition("Listener", "ResolvedRefs", "False", "InvalidRouteKinds", `allowedRoutes.kinds: a listener of this protocol cannot carry ${shape.kinds.invalid.join(", ")}`, generation);
  if (certificate !== undefined && !certificate.ok) return condition("Listener", "ResolvedRefs", "False", certificate.error.reason, certificate.error.message, generation);
  if (frontend?.problem !== undefined) return condition("Listener", "ResolvedRefs", "False", frontend.problem.reason, frontend.problem.message, generation);
  return condition("Listener", "ResolvedRefs", "True", "ResolvedRefs", "all references of the listener are resolved", generation);
}

function programmingObstacle({ unit: { shape }, certificate, hostTakenBy, gatewayRefused }: ListenerState, accepted: Condition, resolved: Condition): string | undefined {
  if (gatewayRefused !== undefined) return gatewayRefused;
  if (accepted.status === "False") return accepted.message;
  if (shape.kinds.supported.length === 0 && shape.protocol !== ingressHttpsProtocol) return resolved.message;
  if (certificate?.ok === false) return resolved.message;
  return hostTakenBy === undefined ? undefined : `the older Gateway ${hostTakenBy.gateway} serves the same connections on this port`;
}

function programmedCondition({ unit: { shape, conflict }, taken }: ListenerState, obstacle: string | undefined, generation: number): Condition {
  if (conflict !== undefined && shape.owner.kind === "ListenerSet") return condition("Listener", "Programmed", "False", conflict.reason, conflict.message, generation);
  if (obstacle !== undefined) return condition("Listener", "Programmed", "False", "Invalid", obstacle, generation);
  if (!taken) return condition("Listener", "Programmed", "False", "Pending", "no Envoy of the Gateway has taken the listener yet", generation);
  return condition("Listener", "Programmed", "True", "Programmed", "the listener is served", generation);
}

function conflicted({ unit: { conflict } }: ListenerState, generation: number): Condition {
  if (conflict === undefined) return condition("Listener", "Conflicted", "False", "NoConflicts", "no other listener is in the way", generation);
  return condition("Listener", "Conflicted", "True", conflict.reason, conflict.message, generation);
}

/** Browsers may reuse a connection for another listener's host: the specification wants that to be seen. Set only while true. */
function overlapping({ unit: { overlaps } }: ListenerState, generation: number): readonly Condition[] {
  if (overlaps.length === 0) return [];
  const message = `hosts of this listener are also those of ${overlaps.join(", ")}; connections that clients share between hosts may be answered with 421`;
  return [condition("Listener", "OverlappingTLSConfig", "True", "OverlappingHostnames", message, generation)];
}

/** Gateway API has no place for what is odd but works. Set only while something is, like the above. */
function certificateWarning({ warnings }: ListenerState, generation: number): readonly Condition[] {
  const reason = certificateWarnings.find((known) => warnings.some((warning) => warning.reason === known));
  return reason === undefined ? [] : [condition("Listener", "CertificateWarning", "True", reason, warnings.map(({ message }) => message).join("; "), generation)];
}
