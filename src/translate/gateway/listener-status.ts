import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Result } from "#lib/result";
import type { CertificateSecret } from "#model/secret";
import { gatewayGroup } from "#translate/gateway/api";
import type { CertificateProblem } from "#translate/gateway/certificates";
import type { PortClaim, GatewayShape, ListenerShape } from "#translate/gateway/gateway-shape";
import { coversHost } from "#translate/gateway/hostnames";

/** Everything that decides whether a listener of a Gateway works. */
export interface ListenerState {
  readonly shape: ListenerShape;
  /** The Gateway that has the Envoy port for another protocol. */
  readonly portTakenBy?: PortClaim;
  /** The older Gateway that serves the same host over TLS on the same port. */
  readonly hostTakenBy?: PortClaim;
  /** Absent for listeners without TLS. */
  readonly certificate?: Result<CertificateSecret, CertificateProblem>;
  readonly attachedRoutes: number;
  /** Why the whole Gateway is refused. */
  readonly gatewayRefused?: string;
}

/** The conditions of a listener, and whether it is served. */
export interface ListenerVerdict {
  readonly accepted: boolean;
  readonly programmed: boolean;
  readonly status: Readonly<Record<string, unknown>>;
}

/** Judges one listener of a Gateway. */
export function judgeListener(gateway: GatewayShape, state: ListenerState, generation: number): ListenerVerdict {
  const { shape } = state;
  const accepted = acceptedCondition(gateway, state, generation);
  const resolved = resolvedRefs(state, generation);
  const obstacle = programmingObstacle(state, accepted, resolved);
  const programmed = obstacle === undefined ? condition("Listener", "Programmed", "True", "Programmed", "the listener is served", generation) : condition("Listener", "Programmed", "False", "Invalid", obstacle, generation);
  return {
    accepted: accepted.status === "True",
    programmed: obstacle === undefined,
    status: {
      name: shape.name,
      supportedKinds: shape.kinds.supported.map((kind) => ({ group: gatewayGroup, kind })),
      attachedRoutes: state.attachedRoutes,
      conditions: [accepted, programmed, resolved, conflicted(gateway, shape, generation), ...overlapping(gateway, shape, generation)],
    },
  };
}

function acceptedCondition(gateway: GatewayShape, { shape, portTakenBy }: ListenerState, generation: number): Condition {
  const refuse = (reason: "HostnameConflict" | "ProtocolConflict" | "UnsupportedProtocol" | "PortUnavailable" | "UnsupportedValue", message: string): Condition => condition("Listener", "Accepted", "False", reason, message, generation);
  const conflict = gateway.conflicts[shape.name];
  if (shape.protocol === undefined) return refuse("UnsupportedProtocol", "the protocol of this listener is not supported; use HTTP or HTTPS");
  if (conflict !== undefined) return refuse(conflict.reason, conflict.message);
  if (shape.invalid !== undefined) return refuse("UnsupportedValue", shape.invalid);
  if (portTakenBy !== undefined) return refuse("PortUnavailable", `the older Gateway ${portTakenBy.gateway} has this port for ${portTakenBy.protocol}; choose another port`);
  return condition("Listener", "Accepted", "True", "Accepted", "the listener is valid", generation);
}

function resolvedRefs({ shape, certificate }: ListenerState, generation: number): Condition {
  if (shape.kinds.invalid.length > 0) return condition("Listener", "ResolvedRefs", "False", "InvalidRouteKinds", `allowedRoutes.kinds: a listener of this protocol cannot carry ${shape.kinds.invalid.join(", ")}`, generation);
  if (certificate !== undefined && !certificate.ok) return condition("Listener", "ResolvedRefs", "False", certificate.error.reason, certificate.error.message, generation);
  return condition("Listener", "ResolvedRefs", "True", "ResolvedRefs", "all references of the listener are resolved", generation);
}

function programmingObstacle({ shape, certificate, hostTakenBy, gatewayRefused }: ListenerState, accepted: Condition, resolved: Condition): string | undefined {
  if (gatewayRefused !== undefined) return gatewayRefused;
  if (accepted.status === "False") return accepted.message;
  if (shape.kinds.supported.length === 0) return resolved.message;
  if (certificate?.ok === false) return resolved.message;
  return hostTakenBy === undefined ? undefined : `the older Gateway ${hostTakenBy.gateway} serves the same host over TLS on this port`;
}

function conflicted(gateway: GatewayShape, shape: ListenerShape, generation: number): Condition {
  const conflict = gateway.conflicts[shape.name];
  if (conflict === undefined) return condition("Listener", "Conflicted", "False", "NoConflicts", "no other listener is in the way", generation);
  return condition("Listener", "Conflicted", "True", conflict.reason, conflict.message, generation);
}

/** Browsers may reuse a connection for another listener's host: the specification wants that to be seen. Set only while true. */
function overlapping(gateway: GatewayShape, shape: ListenerShape, generation: number): readonly Condition[] {
  if (shape.protocol !== "https") return [];
  const rivals = gateway.listeners.filter((other) => other !== shape && other.protocol === "https" && other.port === shape.port && (coversHost(other.host, shape.host) || coversHost(shape.host, other.host)));
  if (rivals.length === 0) return [];
  const message = `hosts of this listener are also those of ${rivals.map(({ name }) => name).join(", ")}; connections that clients share between hosts may be answered with 421`;
  return [condition("Listener", "OverlappingTLSConfig", "True", "OverlappingHostnames", message, generation)];
}
