import type { ListenerName, TlsHost } from "#model/listener";
import type { Emit } from "#store/family";
import { tlsHosts } from "#translate/facts";

/** Says what happens with TLS connections for a host of a listener, whose name is qualified by its fleet. */
export function emitTlsHost(emit: Emit, listener: ListenerName, host: TlsHost): void {
  emit(tlsHosts, tlsHostKey(listener, host.kind === "fallback" ? "" : host.host), host);
}

/** The bucket of a TLS host. */
export function tlsHostKey(listener: ListenerName, host: string): string {
  return `${listener}|${host}`;
}

/** The listener of such a bucket, and the host. */
export function splitTlsHostKey(key: string): { readonly listener: ListenerName; readonly host: string } {
  const at = key.lastIndexOf("|");
  return { listener: key.slice(0, at), host: key.slice(at + 1) };
}
