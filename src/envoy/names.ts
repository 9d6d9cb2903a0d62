import { hash } from "node:crypto";
import { hashName } from "#lib/hash-name";

/** The cluster of Envoy's own admin interface, a part of its bootstrap. */
export const adminClusterName = "envoy-admin";

/** The name of the layer of Envoy's runtime that the controller decides; the bootstrap asks for it. */
export const runtimeName = "dynamic";

/** What a scope that holds one host of one listener is called here, and the key under which Envoy looks for it. */
export function scopeName(listener: string, host: string): string {
  return `${listener}|${host}`;
}

/** As many characters as a string of Envoy has room for without memory of its own. */
const shortLength = 22;
const hashLength = 12;

/**
 * What a scope is called in xDS. Envoy copies the names of all scopes whenever one of them changes: with longer names that
 * is 4 ms of its main thread among 20,000 scopes.
 */
export function scopeResourceName(scope: string): string {
  if (scope.length <= shortLength) return scope;
  const host = scope.slice(scope.indexOf("|") + 1);
  // No host has this character in it, so such a name is told apart from one that was short.
  return `${host.slice(0, shortLength - hashLength - 1)}~${hash("sha256", scope, "base64url").slice(0, hashLength)}`;
}

/** The name of the scope that holds the wildcard hosts of a listener. No host is called `*`, so nothing else has this key. */
export function wildScopeName(listener: string): string {
  return scopeName(listener, "*");
}

/** The name under which the hosts that may be reached with the fallback certificate of a listener are found. */
export function fallbackListenerName(listener: string): string {
  return `${listener}-fallback`;
}

const quicSuffix = "-quic";

/** The name of the UDP listener that takes HTTP/3 for a listener with TLS. */
export function quicListenerName(listener: string): string {
  return `${listener}${quicSuffix}`;
}

/** The listener with TLS whose hosts a listener has: itself, or that beside which it takes HTTP/3. */
export function hostsListenerName(listener: string): string {
  return listener.endsWith(quicSuffix) ? listener.slice(0, -quicSuffix.length) : listener;
}

/** One more than a name can have that a client sends when it begins TLS (RFC 8446 has up to 65,535 bytes, Envoy's TLS library takes 255). */
const longerThanAnySni = 256;

/** A name for a secret that no client can send. Where Envoy asks for certificates by what clients send, it would else take the one for the other. */
export function unspeakableName(secret: string): string {
  return secret.padEnd(longerThanAnySni, ".");
}

/** The name that became so long, and undefined for one that clients can send. */
export function spokenName(unspeakable: string): string | undefined {
  return unspeakable.length < longerThanAnySni ? undefined : unspeakable.replace(/\.+$/, "");
}

/** The name of a host's virtual host. Users see it in Envoy's metrics. */
export function virtualHostName(host: string): string {
  return hashName(host);
}
