import type { ListenerName } from "#model/listener";

/** The protocols of Gateway listeners that carry HTTPRoutes. */
export type HttpProtocol = "http" | "https";

/**
 * The Envoy listener of a Gateway's port, named as by Go Contour. The Gateway is part of the question, not yet of the
 * answer: until each Gateway has its own fleet, Gateways with one port share the listener.
 */
export function gatewayListenerName(_gatewayKey: string, protocol: HttpProtocol, port: number): ListenerName {
  return `${protocol}-${port}`;
}

/** The bucket of what belongs to one host of an Envoy listener. */
export function hostKey(listener: ListenerName, host: string): string {
  return `${listener}|${host}`;
}
