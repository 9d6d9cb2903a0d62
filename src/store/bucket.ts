import { equalValues } from "#lib/equal";
import type { Family } from "#store/family";

/** Whoever looked at a bucket and must look again when it changes. */
export interface BucketReader {
  readonly id: string;
}

/** How a reader looked: at what is in the bucket, or only at whether anything is. */
export type Attention = "contents" | "presence";

interface Contribution {
  readonly publisher: string;
  readonly items: readonly unknown[];
}

/** The facts of one family under one name, by who says them. */
export class Bucket {
  readonly family: Family<unknown>;
  readonly key: string;
  /** Most of a hundred thousand buckets have one reader or none: a map is made for the second one only. */
  #reader: BucketReader | undefined;
  #attention: Attention = "presence";
  #readers: Map<BucketReader, Attention> | undefined;
  #contributions: Contribution[] = [];
  #flat: readonly unknown[] | undefined;

  constructor(family: Family<unknown>, key: string) {
    this.family = family;
    this.key = key;
  }

  get empty(): boolean {
    return this.#contributions.length === 0;
  }

  get unused(): boolean {
    return this.empty && this.#reader === undefined && (this.#readers === undefined || this.#readers.size === 0);
  }

  /** Notes that `reader` looked; looking at the contents counts more than looking at the presence. */
  addReader(reader: BucketReader, attention: Attention): void {
    if (this.#readers === undefined && (this.#reader === undefined || this.#reader === reader)) {
      if (this.#reader === undefined || attention === "contents") this.#attention = attention;
      this.#reader = reader;
      return;
    }
    this.#readers ??= new Map(this.#reader === undefined ? [] : [[this.#reader, this.#attention]]);
    this.#reader = undefined;
    if (attention === "contents" || !this.#readers.has(reader)) this.#readers.set(reader, attention);
  }

  removeReader(reader: BucketReader): void {
    if (this.#reader === reader) this.#reader = undefined;
    else this.#readers?.delete(reader);
  }

  /** Those who must look again after a change. */
  *affectedBy(change: Attention): Iterable<BucketReader> {
    if (this.#reader !== undefined && (change === "presence" || this.#attention === "contents")) yield this.#reader;
    for (const [reader, attention] of this.#readers ?? []) if (change === "presence" || attention === "contents") yield reader;
  }

  /** All items, ordered by who says them. */
  items(): readonly unknown[] {
    const only = this.#contributions.length === 1 ? this.#contributions[0]?.items : undefined;
    return only ?? (this.#flat ??= this.#contributions.flatMap((contribution) => contribution.items));
  }

  /** The first of `items`, at a price that does not grow with them. */
  first(): unknown {
    return this.#contributions[0]?.items[0];
  }

  /** Whether there are at least so many items. */
  holds(count: number): boolean {
    // Nobody says nothing: an empty contribution is taken out.
    return this.#contributions.length >= count || this.#contributions.reduce((sum, { items }) => sum + items.length, 0) >= count;
  }

  /** Replaces what `publisher` says; no items takes it back. Tells what that changed. */
  put(publisher: string, items: readonly unknown[]): "same" | "contents" | "presence" {
    const at = this.#position(publisher);
    const before = this.#contributions[at];
    const known = before !== undefined && before.publisher === publisher;
    if (known ? this.#equal(before.items, items) : items.length === 0) return "same";
    const wasEmpty = this.empty;
    // Made anew while it is small: an array that grows in place keeps room for sixteen more.
    if (this.#contributions.length < 4) this.#contributions = this.#contributions.toSpliced(at, known ? 1 : 0, ...(items.length === 0 ? [] : [{ publisher, items }]));
    else this.#contributions.splice(at, known ? 1 : 0, ...(items.length === 0 ? [] : [{ publisher, items }]));
    this.#flat = undefined;
    return wasEmpty === this.empty ? "contents" : "presence";
  }

  #equal(a: readonly unknown[], b: readonly unknown[]): boolean {
    const equal = this.family.equal ?? equalValues;
    return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  }

  /** Where `publisher` is, or belongs, among the contributions: they are sorted by publisher. */
  #position(publisher: string): number {
    let low = 0;
    let high = this.#contributions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#contributions[middle]?.publisher ?? "") < publisher) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
