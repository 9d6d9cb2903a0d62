import type { ListenerName } from "#model/listener";
import { allowedKinds, allowedNamespaces } from "#translate/gateway/allowed-routes";
import type { AllowedKinds, AllowedNamespaces } from "#translate/gateway/allowed-routes";
import type { GatewayListener } from "#translate/gateway/api";
import { normalHost } from "#translate/gateway/hostnames";
import { gatewayListenerName, gatewayProtocols, ingressHttpsProtocol, transportOf } from "#translate/gateway/listener-names";
import type { GatewayProtocol, HttpProtocol, Transport } from "#translate/gateway/listener-names";
import { siteListener } from "#translate/gateway/site";
import type { GatewaySite } from "#translate/gateway/site";

/** The object that has a listener in its spec. */
export interface ListenerOwner {
  readonly kind: "Gateway" | "ListenerSet";
  readonly namespace: string;
  readonly name: string;
}

/** What a route needs to know of a listener to attach to it. */
export interface ListenerShape {
  /** Tells it apart from all listeners of all Gateways. */
  readonly key: string;
  readonly owner: ListenerOwner;
  /** Its place in the owner's `spec.listeners`. */
  readonly position: number;
  readonly name: string;
  readonly port: number;
  /** Absent when the listener's protocol is not supported. */
  readonly protocol?: GatewayProtocol;
  /** What Envoy listens with; absent as `protocol` is. */
  readonly transport?: Transport;
  /** Whether TLS ends here, for protocols with TLS. */
  readonly tls?: "terminate" | "passthrough";
  /** The Envoy listener that serves it, as known in all fleets; empty without a supported protocol. */
  readonly envoyListener: ListenerName;
  readonly host: string;
  readonly kinds: AllowedKinds;
  readonly namespaces: AllowedNamespaces;
  /** What is wrong with the listener itself, in words. */
  readonly invalid?: string;
}

/** Tells the owners of listeners apart. */
export function ownerKey({ kind, namespace, name }: ListenerOwner): string {
  return `${kind}/${namespace}/${name}`;
}

/** The key of an owner's listener. */
export function listenerKey(owner: ListenerOwner, listener: string): string {
  return `${ownerKey(owner)}/${listener}`;
}

/** How HTTP comes in through a listener; absent for others. */
export function httpProtocol({ protocol }: ListenerShape): HttpProtocol | undefined {
  if (protocol === "HTTP") return "http";
  return protocol === "HTTPS" ? "https" : undefined;
}

/** The kinds of routes that a listener carries. */
function carriedKinds(protocol: GatewayProtocol, tls: ListenerShape["tls"]): readonly string[] {
  switch (protocol) {
    case "HTTP":
    case "HTTPS":
      return ["HTTPRoute", "GRPCRoute"];
    case "TLS":
      return tls === "passthrough" ? ["TLSRoute"] : ["TLSRoute", "TCPRoute"];
    case "TCP":
      return ["TCPRoute"];
    case "UDP":
      return ["UDPRoute"];
    case ingressHttpsProtocol:
      return [];
  }
}

/** Reads one listener of a Gateway or ListenerSet. */
export function listenerShape(site: GatewaySite, owner: ListenerOwner, position: number, listener: GatewayListener): ListenerShape {
  const protocol = gatewayProtocols.find((known) => known === listener.protocol);
  const namespaces = allowedNamespaces(listener);
  const invalid = namespaces.ok ? tlsProblem(listener) : namespaces.error;
  const transport = protocol === undefined ? undefined : transportOf(protocol);
  const tls = protocol === "HTTPS" || protocol === "TLS" ? (listener.tls?.mode === "Passthrough" ? "passthrough" : "terminate") : undefined;
  const namesHosts = protocol !== "TCP" && protocol !== "UDP";
  return {
    key: listenerKey(owner, listener.name),
    owner,
    position,
    name: listener.name,
    port: listener.port,
    ...(protocol === undefined ? {} : { protocol }),
    ...(transport === undefined ? {} : { transport }),
    ...(tls === undefined ? {} : { tls }),
    envoyListener: transport === undefined ? "" : siteListener(site, gatewayListenerName(transport, listener.port)),
    host: normalHost(namesHosts ? listener.hostname : undefined),
    kinds: protocol === undefined ? { supported: [], invalid: [] } : allowedKinds(listener, carriedKinds(protocol, tls)),
    namespaces: namespaces.ok ? namespaces.value : { kind: "none" },
    ...(invalid === undefined ? {} : { invalid }),
  };
}

function tlsProblem({ protocol, tls }: GatewayListener): string | undefined {
  if (protocol === ingressHttpsProtocol && tls !== undefined) return `a listener of protocol ${protocol} has no tls: its hosts bring their own certificates; remove it`;
  if (protocol !== "HTTPS" && protocol !== "TLS") return undefined;
  if (tls === undefined) return `a listener of protocol ${protocol} needs tls; add it with certificateRefs`;
  if (protocol === "HTTPS" && tls.mode === "Passthrough") return 'tls.mode is "Passthrough"; a listener of protocol HTTPS can only have Terminate';
  if (tls.mode === "Passthrough") return undefined;
  return (tls.certificateRefs ?? []).length === 1 ? undefined : "tls.certificateRefs must name exactly one Secret";
}
