import type { TlsTermination } from "#model/listener";
import { family } from "#store/family";

/** A listener for connections or datagrams that is served. */
export interface ServedStream {
  /** How TLS ends there; absent where it goes on to the backend, or there is none. */
  readonly tls?: TlsTermination;
}

/** Bucket: the key of the listener. */
export const servedStreams = family<ServedStream>("served-stream");
