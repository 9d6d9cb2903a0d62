const redacted = "[redacted]";

/** A value that must not be printed by accident: only `reveal` gives it, text and JSON forms show `[redacted]`. */
export class Sensitive<T> {
  readonly #value: T;
  constructor(value: T) {
    this.#value = value;
  }
  /** Gives the value itself; called only where it goes to Envoy. */
  reveal(): T {
    return this.#value;
  }
  /** Whether both hold the same value. */
  equals(other: Sensitive<T>): boolean {
    return this.#value === other.#value;
  }
  toString(): string {
    return redacted;
  }
  toJSON(): string {
    return redacted;
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return redacted;
  }
}
