import { createHash } from "node:crypto";

/** The cluster of Envoy's own admin interface, a part of its bootstrap. */
export const adminClusterName = "envoy-admin";

/** The name of the layer of Envoy's runtime that the controller decides; the bootstrap asks for it. */
export const runtimeName = "dynamic";

/** The name of a scope that holds one host of one listener, and the key under which Envoy looks for it. */
export function scopeName(listener: string, host: string): string {
  return `${listener}|${host}`;
}

/** The name of the scope that holds the wildcard hosts of a listener. No host is called `*`, so nothing else has this key. */
export function wildScopeName(listener: string): string {
  return scopeName(listener, "*");
}

/** The name under which the hosts that may be reached with the fallback certificate of a listener are found. */
export function fallbackListenerName(listener: string): string {
  return `${listener}-fallback`;
}

/** The name of a host's virtual host. Users see it in Envoy's metrics. */
export function virtualHostName(host: string): string {
  return hashName(60, host);
}

/**
 * Joins parts to a name shorter than a limit: as they are when they fit, else with parts shortened from the last to the
 * first and marked by a hash of the whole, until it fits.
 */
export function hashName(maximumLength: number, ...parts: readonly string[]): string {
  const whole = parts.join("/");
  if (whole.length < maximumLength) return whole;
  const digest = createHash("sha256").update(whole).digest("hex");
  const room = Math.trunc(maximumLength / parts.length);
  const shortened = [...parts];
  for (let i = parts.length - 1; i >= 0; i--) {
    shortened[i] = shorten(room, parts[i] ?? "", digest.slice(0, 6));
    if (shortened.join("/").length < maximumLength) return shortened.join("/");
  }
  return digest.slice(0, maximumLength);
}

function shorten(room: number, part: string, mark: string): string {
  if (part.length <= room) return part;
  return room <= mark.length ? mark.slice(0, room) : `${part.slice(0, room - mark.length - 1)}-${mark}`;
}
