declare const itemType: unique symbol;

/**
 * A kind of fact, kept in named buckets: "the roots that claim a host", "the reports about an object". The type
 * parameter says what its buckets hold.
 */
export interface Family<T> {
  readonly name: string;
  /** Whether two items are the same, so that nobody needs to look again; deep equality when absent. */
  equal?(a: T, b: T): boolean;
  readonly [itemType]?: T;
}

/** Names a family. Two families of one graph have different names. */
export function family<T>(name: string, equal?: (a: T, b: T) => boolean): Family<T> {
  return equal === undefined ? { name } : { name, equal };
}

/** What a unit of translation may look at. Everything it looks at is noted, also what is not there. */
export interface Reader {
  /** The items of a bucket, in an order that does not depend on when they came. */
  all<T>(family: Family<T>, bucket: string): readonly T[];
  /** The first item of a bucket. */
  one<T>(family: Family<T>, bucket: string): T | undefined;
  /** Whether a bucket holds anything. Looks again only when that changes, so it is cheap over large buckets. */
  any<T>(family: Family<T>, bucket: string): boolean;
  /** Whether a bucket holds at least so many items. Looks again at every change, but at the number only. */
  atLeast<T>(family: Family<T>, bucket: string, count: number): boolean;
}

/** Adds a fact to a bucket for as long as the unit that emits it says so. */
export type Emit = <T>(family: Family<T>, bucket: string, item: T) => void;

/**
 * A unit of translation, run once for each bucket of `over` that is not empty. It must be a pure function of what it
 * reads. It may read what sources and earlier rules emit, and emit what later rules run over.
 */
export interface Rule {
  readonly name: string;
  readonly over: Family<unknown>;
  /**
   * What comes by far the most often has a short lane: rules that read nothing but it, and what they say stands for itself. It does not
   * wait for long work of other rules.
   */
  readonly lane?: "short";
  derive(bucket: string, read: Reader, emit: Emit): void;
}
