import { compareText } from "#lib/compare";
import type { ListenerName } from "#model/listener";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey } from "#translate/facts";
import { allowedKinds, allowedNamespaces } from "#translate/gateway/allowed-routes";
import type { AllowedKinds, AllowedNamespaces } from "#translate/gateway/allowed-routes";
import { gateways } from "#translate/gateway/api";
import type { Gateway, GatewayListener } from "#translate/gateway/api";
import { acceptedClasses } from "#translate/gateway/gateway-class";
import { normalHost } from "#translate/gateway/hostnames";
import { findConflicts } from "#translate/gateway/listener-conflicts";
import type { Conflict } from "#translate/gateway/listener-conflicts";
import { gatewayListenerName } from "#translate/gateway/listener-names";
import type { HttpProtocol } from "#translate/gateway/listener-names";

/** What a route needs to know of a listener to attach to it. */
export interface ListenerShape {
  readonly name: string;
  readonly port: number;
  /** Absent when the listener's protocol is not supported. */
  readonly protocol?: HttpProtocol;
  /** The Envoy listener that serves it; empty without a supported protocol. */
  readonly envoyListener: ListenerName;
  readonly host: string;
  readonly kinds: AllowedKinds;
  readonly namespaces: AllowedNamespaces;
  /** What is wrong with the listener itself, in words. */
  readonly invalid?: string;
}

/** A Gateway of ours as routes see it: certificates and status are left out, so that their changes touch no route. */
export interface GatewayShape {
  readonly namespace: string;
  readonly created: string;
  readonly listeners: readonly ListenerShape[];
  readonly conflicts: Readonly<Record<string, Conflict>>;
}

/** Bucket: `namespace/name` of the Gateway. */
export const gatewayShapes = family<GatewayShape>("gateway-shape");

/** A Gateway that wants a protocol on a port. */
export interface PortClaim {
  readonly gateway: string;
  readonly created: string;
  readonly protocol: HttpProtocol;
}

/** Who wants a port of Envoy. Bucket: the port. */
export const portClaims = family<PortClaim>("gateway-port-claim");

/** The claim that counts: of the oldest Gateway, then the first by name. */
export function strongestClaim(claims: readonly PortClaim[]): PortClaim | undefined {
  return claims.toSorted((a, b) => compareText(a.created, b.created) || compareText(a.gateway, b.gateway))[0];
}

/** Reads each Gateway whose class is ours. */
export function gatewayShapeRule(settings: Settings): Rule {
  return {
    name: "gateway-shape",
    over: gateways,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      if (gateway === undefined) return;
      const listeners = gateway.spec.listeners.map((listener) => listenerShape(bucket, listener));
      const conflicts = findConflicts(listeners);
      const shape: GatewayShape = { namespace: gateway.metadata.namespace ?? "", created: gateway.metadata.creationTimestamp ?? "", listeners, conflicts };
      emit(gatewayShapes, bucket, shape);
      for (const listener of listeners) {
        if (listener.protocol !== undefined && servesRequests(shape, listener)) emit(portClaims, String(settings.gatewayPort(listener.port)), { gateway: bucket, created: shape.created, protocol: listener.protocol });
      }
    },
  };
}

/** The Gateway of a bucket, when its class is ours. */
export function ourGateway(read: Reader, bucket: string): Gateway | undefined {
  const gateway = read.one(gateways, bucket);
  return gateway !== undefined && read.any(acceptedClasses, objectKey("", gateway.spec.gatewayClassName)) ? gateway : undefined;
}

/** The routes that each protocol carries. GRPCRoute, TLSRoute, TCPRoute and UDPRoute get their place here. */
const carriedKinds: Readonly<Record<HttpProtocol, readonly string[]>> = { http: ["HTTPRoute"], https: ["HTTPRoute"] };

function protocolOf(listener: GatewayListener): HttpProtocol | undefined {
  if (listener.protocol === "HTTP") return "http";
  return listener.protocol === "HTTPS" ? "https" : undefined;
}

function listenerShape(gatewayKey: string, listener: GatewayListener): ListenerShape {
  const protocol = protocolOf(listener);
  const namespaces = allowedNamespaces(listener);
  const invalid = namespaces.ok ? tlsProblem(listener) : namespaces.error;
  return {
    name: listener.name,
    port: listener.port,
    ...(protocol === undefined ? {} : { protocol }),
    envoyListener: protocol === undefined ? "" : gatewayListenerName(gatewayKey, protocol, listener.port),
    host: normalHost(listener.hostname),
    kinds: protocol === undefined ? { supported: [], invalid: [] } : allowedKinds(listener, carriedKinds[protocol]),
    namespaces: namespaces.ok ? namespaces.value : { kind: "none" },
    ...(invalid === undefined ? {} : { invalid }),
  };
}

function tlsProblem({ protocol, tls }: GatewayListener): string | undefined {
  if (protocol !== "HTTPS") return undefined;
  if (tls === undefined) return "a listener of protocol HTTPS needs tls; add it with certificateRefs";
  if (tls.mode !== undefined && tls.mode !== "Terminate") return `tls.mode is ${JSON.stringify(tls.mode)}; a listener of protocol HTTPS can only have Terminate`;
  return (tls.certificateRefs ?? []).length === 1 ? undefined : "tls.certificateRefs must name exactly one Secret";
}

/** Whether requests can come in through a listener, as far as its Gateway alone decides that. */
export function servesRequests(shape: GatewayShape, listener: ListenerShape): boolean {
  return listener.protocol !== undefined && listener.invalid === undefined && shape.conflicts[listener.name] === undefined;
}
