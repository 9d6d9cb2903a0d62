import { compareText } from "#lib/compare";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { gateways, listenerSets } from "#translate/gateway/api";
import { attachedListenerSets } from "#translate/gateway/listener-set";
import { findConflicts } from "#translate/gateway/listener-conflicts";
import type { Conflict } from "#translate/gateway/listener-conflicts";
import type { Transport } from "#translate/gateway/listener-names";
import { listenerShape } from "#translate/gateway/listener-shape";
import type { ListenerShape } from "#translate/gateway/listener-shape";
import { compareGateways, gatewaySite, ourGateway } from "#translate/gateway/site";
import type { GatewaySite } from "#translate/gateway/site";

/** A Gateway of ours as routes see it: certificates and status are left out, so that their changes touch no route. */
export interface GatewayShape {
  readonly namespace: string;
  readonly created: string;
  readonly site: GatewaySite;
  /** Its own, then those of ListenerSets, the older one first. */
  readonly listeners: readonly ListenerShape[];
  /** By the key of the listener. */
  readonly conflicts: Readonly<Record<string, Conflict>>;
}

/** Bucket: `namespace/name` of the Gateway. */
export const gatewayShapes = family<GatewayShape>("gateway-shape");

/** A Gateway that wants a port of Envoy. */
export interface PortClaim {
  readonly gateway: string;
  readonly created: string;
  readonly transport: Transport;
  /** The port that clients see; several may become one of Envoy's. */
  readonly port: number;
}

/** Who wants a port of Envoy. Bucket: see `portKey`. */
export const portClaims = family<PortClaim>("gateway-port-claim");

/** The bucket of a port's claims. UDP has ports of its own. */
export function portKey({ fleet, address }: GatewaySite, transport: Transport, port: number): string {
  return `${fleet} ${address} ${transport === "udp" ? "udp" : "tcp"} ${port}`;
}

/** The claim that counts: of the oldest Gateway, then the first by name, then the lower port. */
export function strongestClaim<T extends Omit<PortClaim, "transport" | "port"> & { readonly port?: number }>(claims: readonly T[]): T | undefined {
  return claims.length < 2 ? claims[0] : claims.toSorted((a, b) => compareGateways(a, b) || (a.port ?? 0) - (b.port ?? 0))[0];
}

/** Reads each Gateway whose class is ours, with its ListenerSets. */
export function gatewayShapeRule(settings: Settings): Rule {
  return {
    name: "gateway-shape",
    over: gateways,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      if (gateway === undefined) return;
      const { namespace = "", name, creationTimestamp: created = "" } = gateway.metadata;
      const site = gatewaySite(read, settings, bucket, gateway);
      const own = gateway.spec.listeners.map((listener, i) => listenerShape(site, { kind: "Gateway", namespace, name }, i, listener));
      const listeners = [...own, ...setListeners(read, site, bucket)];
      const shape: GatewayShape = { namespace, created, site, listeners, conflicts: findConflicts(listeners) };
      emit(gatewayShapes, bucket, shape);
      // Thousands of listeners may share a port, which is claimed once.
      const claims = new Map(listeners.flatMap((listener) => (listener.transport !== undefined && servesTraffic(shape, listener) ? [[`${listener.transport} ${listener.port}`, { transport: listener.transport, port: listener.port }] as const] : [])));
      for (const { transport, port } of claims.values()) emit(portClaims, portKey(site, transport, settings.gatewayPort(port)), { gateway: bucket, created, transport, port });
    },
  };
}

function setListeners(read: Reader, site: GatewaySite, gateway: string): readonly ListenerShape[] {
  const sets = read.all(attachedListenerSets, gateway).toSorted((a, b) => compareText(a.created, b.created) || compareText(a.key, b.key));
  return sets.flatMap(({ key }) => {
    const set = read.one(listenerSets, key);
    const { namespace = "", name = "" } = set?.metadata ?? {};
    return (set?.spec.listeners ?? []).map((listener, i) => listenerShape(site, { kind: "ListenerSet", namespace, name }, i, listener));
  });
}

/** Whether anything can come in through a listener, as far as its Gateway alone decides that. */
export function servesTraffic(shape: GatewayShape, listener: ListenerShape): boolean {
  return listener.transport !== undefined && listener.invalid === undefined && shape.conflicts[listener.key] === undefined;
}
