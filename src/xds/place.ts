/** Where an Envoy is. What is not known is empty. */
export interface Place {
  readonly zone: string;
  readonly node: string;
}

/** An Envoy of which nothing is known. */
export const nowhere: Place = { zone: "", node: "" };

/** Contents of a resource for Envoys at some places. They are made when the first of these Envoys is told, and shared by all of them. */
export interface PlacedContents {
  /** Says all that the contents depend on: other text, other contents. */
  readonly version: string;
  /** Which contents Envoys at a place get; undefined for those that the resource has for all. */
  keyAt(place: Place): string | undefined;
  /** The encoded message for a key. */
  encode(key: string): Uint8Array;
}
