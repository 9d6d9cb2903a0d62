import type { ListenerName } from "#model/listener";

/** The protocol of a listener for the TLS hosts of Ingresses and HTTPProxies that are attached to its Gateway; each brings its own certificate. As in Go Contour. */
export const ingressHttpsProtocol = "projectcontour.io/https";

/** The protocols that listeners of a Gateway can have. */
export const gatewayProtocols = ["HTTP", "HTTPS", "TLS", "TCP", "UDP", ingressHttpsProtocol] as const;

/** The protocol of a Gateway's listener, as users write it. */
export type GatewayProtocol = (typeof gatewayProtocols)[number];

/** What an Envoy listener is. HTTPS and TLS share one: the host that a client asks for tells them apart. */
export type Transport = "http" | "https" | "tcp" | "udp";

/** The protocols whose listeners carry HTTP requests. */
export type HttpProtocol = "http" | "https";

const transports: Readonly<Record<GatewayProtocol, Transport>> = { HTTP: "http", HTTPS: "https", TLS: "https", TCP: "tcp", UDP: "udp", [ingressHttpsProtocol]: "https" };

/** The kind of Envoy listener that serves a protocol. */
export function transportOf(protocol: GatewayProtocol): Transport {
  return transports[protocol];
}

/** The Envoy listener of a Gateway's port, named as by Go Contour. */
export function gatewayListenerName(transport: Transport, port: number): ListenerName {
  return `${transport}-${port}`;
}

/** The bucket of what belongs to one host of an Envoy listener. */
export function hostKey(listener: ListenerName, host: string): string {
  return `${listener}|${host}`;
}
