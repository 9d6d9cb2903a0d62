import { headerMatcher } from "#envoy/match";
import { escapeRegex } from "#lib/regex";
import { chainHeader, chainMark, sniHeader } from "#envoy/scope-key";
import type { HeaderMatcher } from "#gen/envoy/envoy/config/route/v3/route_components";
import type { ValueMatch, VirtualHost } from "#model/route";

type HostForm = Pick<VirtualHost, "host" | "wildcard" | "tlsHost">;

/** What Envoy's own choice of a virtual host does not see: that `*.example.com` stands for exactly one more label. */
export function hostMatch({ host, wildcard }: HostForm): readonly HeaderMatcher[] {
  if (!host.startsWith("*.") || wildcard === "any-depth") return [];
  return [matcher(":authority", { kind: "regex", pattern: `${wildcardPattern(host, wildcard)}(:[0-9]+)?` }, false)];
}

/**
 * Requests that came over a connection for another host: each matcher alone makes a request misdirected. For a wildcard
 * the name that the client began TLS with is not enough: it may have a certificate, and client checks, of its own.
 */
export function misdirected({ host: own, tlsHost: host = own, wildcard }: HostForm): readonly HeaderMatcher[] {
  if (!host.startsWith("*")) return [matcher(sniHeader, { kind: "exact", value: host, ignoreCase: true }, true)];
  const foreign = matcher(chainHeader, { kind: "contains", value: chainMark(host), ignoreCase: false }, true);
  return host === "*" ? [foreign] : [foreign, matcher(sniHeader, { kind: "regex", pattern: wildcardPattern(host, wildcard) }, true)];
}

function wildcardPattern(host: string, wildcard: VirtualHost["wildcard"]): string {
  return `(?i)${wildcard === "one-label" ? "[^.:]+" : ".+"}${escapeRegex(host.slice(1))}`;
}

function matcher(name: string, value: ValueMatch, invert: boolean): HeaderMatcher {
  return headerMatcher({ name, value, invert, treatMissingAsEmpty: invert });
}
