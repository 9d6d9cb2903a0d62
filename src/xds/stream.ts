import type { Subscription } from "./subscription.ts";
import type { Mode, TypeUrl } from "./types.ts";

/** The sending side of a gRPC call. */
export interface Wire {
  /** Sends bytes; `done` runs when the network has taken them. */
  write(bytes: Buffer, done: () => void): void;
}

// More than a few small responses and less than a large one: enough not to wait for the network after each small one.
const windowBytes = 64 * 1024;

/** One stream of an Envoy. Knows how much the network has not taken yet, so that nothing is built for a slow reader. */
export class Stream {
  readonly mode: Mode;
  readonly subscriptions = new Map<TypeUrl, Subscription>();
  readonly #wire: Wire;
  readonly #drained: () => void;
  #nonce = 0;
  #unflushed = 0;

  constructor(mode: Mode, wire: Wire, drained: () => void) {
    this.mode = mode;
    this.#wire = wire;
    this.#drained = drained;
  }

  /** Whether the network takes more. */
  ready(): boolean {
    return this.#unflushed < windowBytes;
  }

  /** Gives a nonce that this stream has not used. */
  nextNonce(): string {
    this.#nonce += 1;
    return String(this.#nonce);
  }

  /** Sends a response. */
  write(bytes: Buffer): void {
    this.#unflushed += bytes.length;
    this.#wire.write(bytes, () => this.#flushed(bytes.length));
  }

  #flushed(size: number): void {
    const wasReady = this.ready();
    this.#unflushed -= size;
    if (!wasReady && this.ready()) this.#drained();
  }
}
