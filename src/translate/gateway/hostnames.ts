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

/** The wider hosts that a host is one of, the most specific first: `*.example.com`, `*.com` and `*` for shop.example.com. */
export function coversOf(host: string): readonly string[] {
  if (host === anyHost) return [];
  const labels = (host.startsWith("*.") ? host.slice(2) : host).split(".");
  return [...labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join(".")}`), anyHost];
}
