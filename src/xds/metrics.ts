import type { Mode } from "./types.ts";

/** What the server counts. Types are short names (cds, eds, …; "ads" for a stream of all types). */
export interface XdsMetrics {
  /** A stream began. */
  streamOpened(type: string, mode: Mode): void;
  /** A stream ended. */
  streamClosed(type: string, mode: Mode): void;
  /** The number of connected Envoys changed. */
  envoysConnected(count: number): void;
  /** A response was accepted. */
  acked(type: string): void;
  /** A response was refused. */
  nacked(type: string): void;
  /** A response went out. */
  pushed(type: string, bytes: number): void;
  /** A change was accepted by an Envoy this many seconds after its cause arrived. */
  propagated(type: string, seconds: number): void;
  /** The server's certificate was read; when it ends, in milliseconds since 1970. */
  certificateLoaded(expiresAt: number): void;
  /** A call of a method began; gives what counts its messages and its end, with the name of its gRPC status. */
  started(path: string): { received(): void; sent(): void; ended(code: string): void };
}
