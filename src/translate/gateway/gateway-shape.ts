import type { ListenerName } from "#model/listener";
import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { family } from "#store/family";
import { gateways, listenerSets } from "#translate/gateway/api";
import { compareGateways, gatewaySite, gatewaySites, ourGateway } from "#translate/gateway/site";
import type { GatewaySite } from "#translate/gateway/site";
import { findConflicts } from "#translate/gateway/listener-conflicts";
import type { Conflict } from "#translate/gateway/listener-conflicts";
import { announceListener, competitors, listenerEntries, overlaps } from "#translate/gateway/listener-index";
import type { ListenerEntry } from "#translate/gateway/listener-index";
import { hostKey } from "#translate/gateway/listener-names";
import type { Transport } from "#translate/gateway/listener-names";
import { listenerShape, ownerKey } from "#translate/gateway/listener-shape";
import type { ListenerOwner, ListenerShape } from "#translate/gateway/listener-shape";
import { ourListenerSets } from "#translate/gateway/listener-set";

/** One listener of a Gateway of ours, with what its neighbours mean for it: the unit that a change of a certificate runs again. */
export interface ListenerUnit extends Omit<ListenerEntry, "ownerCreated"> {
  readonly conflict?: Conflict;
  /** Whether anything can come in through it, as far as its Gateway alone decides that. */
  readonly serves: boolean;
  /** Names of listeners with some of its hosts. */
  readonly overlaps: readonly string[];
}

/** Bucket: the key of the listener. */
export const listenerUnits = family<ListenerUnit>("gateway-listener-unit");

/** A listener as routes see it. */
export interface OfferedListener {
  readonly shape: ListenerShape;
  readonly serves: boolean;
}

/** The listeners of a Gateway, or of a ListenerSet that its Gateway lets in. Bucket: see `ownerKey`. */
export const offeredListeners = family<OfferedListener>("offered-listener");

/** Hosts for which a Gateway has a listener that serves. Bucket: see `listenerHostKey`. */
export const listenerHosts = family<true>("gateway-listener-host");

/** The bucket of a Gateway's listeners for a host of an Envoy listener, which several Gateways may share. */
export function listenerHostKey(gateway: string, envoyListener: ListenerName, host: string): string {
  return `${gateway} ${hostKey(envoyListener, host)}`;
}

/** A port that a Gateway serves; its listeners, maybe thousands, say the same. Bucket: the Gateway, the transport and the port. */
const servedPorts = family<{ readonly gateway: string; readonly created: string; readonly site: GatewaySite; readonly transport: Transport; readonly port: number }>("gateway-served-port");

/** The ports that a Gateway serves, once each. Bucket: `namespace/name` of the Gateway. */
export const portsOfGateway = family<{ readonly transport: Transport; readonly port: number }>("port-of-gateway");

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

/** Reads each Gateway whose class is ours. */
export function gatewayShapeRule(settings: Settings): Rule {
  return {
    name: "gateway-shape",
    over: gateways,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      if (gateway === undefined) return;
      const { namespace = "", name, creationTimestamp: created = "" } = gateway.metadata;
      const site = gatewaySite(read, settings, bucket, gateway);
      emit(gatewaySites, bucket, { ...site, created });
      const owner: ListenerOwner = { kind: "Gateway", namespace, name };
      for (const [i, listener] of (gateway.spec.listeners ?? []).entries()) announceListener(emit, { gateway: bucket, created, site, ownerCreated: "", shape: listenerShape(site, owner, i, listener) });
    },
  };
}

/** Reads each ListenerSet that a Gateway of ours lets in. */
export const listenerSetShapes: Rule = {
  name: "listener-set-shape",
  over: ourListenerSets,
  derive(bucket, read, emit) {
    const set = read.one(listenerSets, bucket);
    const ours = read.one(ourListenerSets, bucket);
    const found = ours?.allowed === true ? read.one(gatewaySites, ours.gateway) : undefined;
    if (set === undefined || ours === undefined || found === undefined) return;
    const { created, ...site } = found;
    const { namespace = "", name, creationTimestamp = "" } = set.metadata;
    const owner: ListenerOwner = { kind: "ListenerSet", namespace, name };
    // Not empty even where nothing says when it was made: those of the Gateway come first.
    for (const [i, listener] of set.spec.listeners.entries()) announceListener(emit, { gateway: ours.gateway, created, site, ownerCreated: `at ${creationTimestamp}`, shape: listenerShape(site, owner, i, listener) });
  },
};

/** Finds out what its neighbours mean for each listener. */
export const listenerUnitRule: Rule = {
  name: "gateway-listener-unit",
  over: listenerEntries,
  derive(bucket, read, emit) {
    const entry = read.one(listenerEntries, bucket);
    if (entry === undefined) return;
    const { gateway, created, site, shape } = entry;
    const { transport, port } = shape;
    const conflict = transport === undefined ? undefined : findConflicts(competitors(read, entry))[shape.key];
    const serves = transport !== undefined && shape.invalid === undefined && conflict === undefined;
    emit(listenerUnits, bucket, { gateway, created, site, shape, ...(conflict === undefined ? {} : { conflict }), serves, overlaps: overlaps(read, entry) });
    emit(offeredListeners, ownerKey(shape.owner), { shape, serves });
    if (!serves) return;
    emit(listenerHosts, listenerHostKey(gateway, shape.envoyListener, shape.host), true);
    emit(servedPorts, `${gateway} ${transport} ${port}`, { gateway, created, site, transport, port });
  },
};

/** Claims each port of a Gateway once, whatever listeners share it. */
export function claimPorts(settings: Settings): Rule {
  return {
    name: "gateway-port",
    over: servedPorts,
    derive(bucket, read, emit) {
      const served = read.one(servedPorts, bucket);
      if (served === undefined) return;
      const { gateway, created, site, transport, port } = served;
      emit(portsOfGateway, gateway, { transport, port });
      emit(portClaims, portKey(site, transport, settings.gatewayPort(port)), { gateway, created, transport, port });
    },
  };
}
