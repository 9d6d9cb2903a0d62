/** Stands for every host where a listener or route names none. */
export const anyHost = "*";

/** A host as listeners and routes write it, in one form: lower-case, `*` for none. */
export function normalHost(hostname: string | undefined): string {
  return hostname === undefined || hostname === "" ? anyHost : hostname.toLowerCase();
}

/** Whether every host that `inner` stands for is one of `outer`. `*.example.com` covers a.b.example.com, not example.com. */
export function coversHost(outer: string, inner: string): boolean {
  if (outer === anyHost || outer === inner) return true;
  return outer.startsWith("*.") && inner.endsWith(outer.slice(1));
}

/** What both hosts stand for; absent when there is no such host. */
export function intersectHosts(a: string, b: string): string | undefined {
  if (coversHost(a, b)) return b;
  return coversHost(b, a) ? a : undefined;
}

/** Orders hosts that cover one another: the more specific one has the greater number. */
export function hostSpecificity(host: string): number {
  if (host === anyHost) return 0;
  return host.startsWith("*.") ? host.length : Number.MAX_SAFE_INTEGER;
}

/** The hosts of a listener that a route serves. */
export function effectiveHosts(listenerHost: string, routeHosts: readonly string[] | undefined): readonly string[] {
  if (routeHosts === undefined || routeHosts.length === 0) return [listenerHost];
  const hosts = routeHosts.flatMap((host) => intersectHosts(listenerHost, normalHost(host)) ?? []);
  return [...new Set(hosts)].toSorted();
}

/** Whether text is a host that a route may name: no address, a wildcard only as the whole first label. */
export function isHostname(text: string): boolean {
  if (text.length > 253 || /^[\d.]+$/.test(text)) return false;
  return /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/i.test(text);
}
