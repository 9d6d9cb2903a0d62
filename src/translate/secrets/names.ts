import type { X509Certificate } from "node:crypto";

/** The DNS names that a certificate is for, in lower case. Its common name does not count: clients ignore it (RFC 9525, section 2). */
export function dnsNamesOf(certificate: X509Certificate): readonly string[] {
  return (certificate.subjectAltName ?? "").split(", ").flatMap((entry) => (entry.startsWith("DNS:") ? [entry.slice("DNS:".length).toLowerCase()] : []));
}

/** Whether clients take a name of a certificate for a host: equal, or `*` in place of the first label (RFC 9525, section 6.3). */
export function coversHost(names: readonly string[], host: string): boolean {
  const covering = host.startsWith("*.") ? host : host.replace(/^[^.]+/, "*");
  return names.some((name) => name === host || name === covering);
}
