import { Bug } from "#lib/bug";
import { Bucket } from "#store/bucket";
import type { Attention, BucketReader } from "#store/bucket";
import type { Emit, Family, Reader, Rule } from "#store/family";
import { RunningRule } from "#store/parameters";

/** One rule at one bucket: what it read the last time and what it said. */
interface Cell extends BucketReader {
  readonly rule: number;
  readonly bucket: string;
  reads: Bucket[];
  emitted: Bucket[];
}

/** A fact put in from outside: `items` replaces what `publisher` said about the bucket before. */
export interface Fact {
  readonly family: Family<unknown>;
  readonly bucket: string;
  readonly publisher: string;
  readonly items: readonly unknown[];
}

/** What a graph holds. */
export interface GraphDescription {
  /** Buckets that are not empty, by family. */
  readonly families: Readonly<Record<string, number>>;
  readonly rules: Readonly<Record<string, { readonly over: string; readonly units: number; readonly runs: number }>>;
}

/** What a unit depends on and says: family and bucket. */
export interface UnitDescription {
  readonly reads: readonly string[];
  readonly adds: readonly string[];
}

/** The buckets of the watched families that changed, with what they hold now. */
export type Changes = ReadonlyMap<Family<unknown>, ReadonlyMap<string, readonly unknown[]>>;

type MutableChanges = Map<Family<unknown>, Map<string, readonly unknown[]>>;

/**
 * Derived facts kept up to date: a change runs the rules that read what changed, and nothing else. Running every rule
 * from nothing is the same code, so that "incremental" and "from scratch" cannot differ by construction; a property test
 * guards it all the same. Rules are in layers: a rule reads what comes before it, so one pass in order is enough.
 */
export class Graph {
  readonly #rules: readonly Rule[];
  readonly #watched: ReadonlySet<string>;
  readonly #buckets = new Map<string, Map<string, Bucket>>();
  readonly #cells: Map<string, Cell>[];
  readonly #dirty: Set<string>[];
  /** The same for what hurries. */
  readonly #urgent: Set<string>[];
  /** What changed by what hurries, while that is worked on. */
  #hurried: MutableChanges | undefined;
  readonly #rulesOver = new Map<string, number[]>();
  #changes: MutableChanges = new Map();
  readonly #running: RunningRule;
  readonly #runs: number[];

  /** `watched` are the families whose changes `commit` reports. `running` is told which rule runs, for what rules read beside facts. */
  constructor(rules: readonly Rule[], watched: readonly Family<unknown>[], running = new RunningRule()) {
    this.#rules = rules;
    this.#running = running;
    this.#watched = new Set(watched.map((family) => family.name));
    this.#cells = rules.map(() => new Map());
    this.#dirty = rules.map(() => new Set());
    this.#urgent = rules.map(() => new Set());
    this.#runs = rules.map(() => 0);
    for (const [i, rule] of rules.entries()) this.#rulesOver.set(rule.over.name, [...(this.#rulesOver.get(rule.over.name) ?? []), i]);
  }

  /** How many units have run since the start: what a change cost. */
  get runs(): number {
    return this.#runs.reduce((sum, runs) => sum + runs, 0);
  }

  /** The same, by rule. */
  *runsByRule(): Iterable<readonly [rule: string, runs: number]> {
    for (const [i, rule] of this.#rules.entries()) yield [rule.name, this.#runs[i] ?? 0];
  }

  /** How many buckets and units are kept: when all facts are gone, none. */
  get size(): number {
    return [...this.#buckets.values(), ...this.#cells].reduce((sum, kept) => sum + kept.size, 0);
  }

  /** Takes facts in, brings everything derived up to date, and tells which watched buckets changed. */
  commit(facts: readonly Fact[]): Changes {
    this.take(facts);
    this.work();
    return this.changes();
  }

  /** Takes facts in. What follows from them is left to `work`. */
  take(facts: readonly Fact[]): void {
    for (const fact of facts) this.#put(this.#bucket(fact.family, fact.bucket), fact.publisher, fact.items);
  }

  /** Has some rules run again over all that they have been run over: what they read beside facts has changed. That is left to `work`. */
  rerun(rules: Iterable<number>): void {
    for (const rule of rules) for (const bucket of this.#cells[rule]?.keys() ?? []) this.#markBucketDirty(rule, bucket);
  }

  /**
   * Brings what is derived up to date, until that is done or `isOver` says after a unit that it is enough; tells whether it is done. Between
   * two calls facts may come: a unit runs when all that it reads is up to date, so nothing derived is ever half of a change.
   */
  work(isOver: () => boolean = never): boolean {
    return this.#runAll(this.#dirty, isOver);
  }

  /** Which watched buckets changed since this was asked last, with what they hold now. */
  changes(): Changes {
    const changes = this.#changes;
    this.#changes = new Map();
    return changes;
  }

  /** What `changes` would tell now of a family, without taking it. */
  pending<T>(family: Family<T>): Iterable<readonly [string, readonly T[]]> {
    return (this.#changes.get(family as Family<unknown>) ?? new Map()) as ReadonlyMap<string, readonly T[]>;
  }

  /** Takes facts in, and brings at once up to date what rules of the short lane say of them; all else is left to `work`. Tells what that changed; `changes` will again. */
  hurry(facts: readonly Fact[]): Changes {
    const hurried: MutableChanges = new Map();
    this.#hurried = hurried;
    try {
      this.take(facts);
      this.#runAll(this.#urgent, never);
    } finally {
      this.#hurried = undefined;
    }
    return hurried;
  }

  #runAll(dirty: readonly Set<string>[], isOver: () => boolean): boolean {
    try {
      for (let i = 0; i < dirty.length; i++) {
        this.#running.number = i;
        for (const bucket of dirty[i] ?? []) {
          this.#run(i, bucket);
          dirty[i]?.delete(bucket);
          if (isOver()) return dirty.every((left) => left.size === 0);
        }
      }
    } finally {
      this.#running.number = undefined;
    }
    return true;
  }

  /** What a bucket holds now. */
  items<T>(family: Family<T>, bucket: string): readonly T[] {
    return (this.#buckets.get(family.name)?.get(bucket)?.items() ?? []) as readonly T[];
  }

  /** Every bucket of a family that is not empty. */
  *buckets<T>(family: Family<T>): Iterable<readonly [string, readonly T[]]> {
    for (const bucket of this.#buckets.get(family.name)?.values() ?? []) if (!bucket.empty) yield [bucket.key, bucket.items() as readonly T[]];
  }

  /** How much each family holds, and how much each rule has to keep up to date and has done: for people who look into a running controller. */
  describe(): GraphDescription {
    const families = [...this.#buckets].map(([name, buckets]) => [name, [...buckets.values()].filter((bucket) => !bucket.empty).length] as const);
    const rules = this.#rules.map(({ name, over }, i) => [name, { over: over.name, units: this.#cells[i]?.size ?? 0, runs: this.#runs[i] ?? 0 }] as const);
    return { families: Object.fromEntries(families), rules: Object.fromEntries(rules) };
  }

  /** Which buckets a unit read the last time, and to which it added facts; undefined when there is no such unit. */
  describeUnit(rule: string, bucket: string): UnitDescription | undefined {
    const cell = this.#cells[this.#rules.findIndex(({ name }) => name === rule)]?.get(bucket);
    const names = (buckets: readonly Bucket[]): readonly string[] => [...new Set(buckets.map(({ family, key }) => `${family.name} ${key}`))];
    return cell && { reads: names(cell.reads), adds: names(cell.emitted) };
  }

  #bucket(family: Family<unknown>, key: string): Bucket {
    let buckets = this.#buckets.get(family.name);
    if (buckets === undefined) this.#buckets.set(family.name, (buckets = new Map()));
    let bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, (bucket = new Bucket(family, key)));
    return bucket;
  }

  #put(bucket: Bucket, publisher: string, items: readonly unknown[]): void {
    const change = bucket.put(publisher, items);
    if (change === "same") return this.#forgetUnused(bucket);
    this.#note(bucket);
    for (const reader of bucket.affectedBy(change)) this.#markDirty(reader as Cell);
    if (change === "presence") {
      for (const rule of this.#rulesOver.get(bucket.family.name) ?? []) this.#markBucketDirty(rule, bucket.key);
    }
    this.#forgetUnused(bucket);
  }

  #note(bucket: Bucket): void {
    if (!this.#watched.has(bucket.family.name)) return;
    note(this.#changes, bucket);
    if (this.#hurried !== undefined) note(this.#hurried, bucket);
  }

  #markDirty(cell: Cell): void {
    this.#markBucketDirty(cell.rule, cell.bucket);
  }

  #markBucketDirty(rule: number, bucket: string): void {
    const running = this.#running.number ?? -1;
    if (rule <= running) throw new Bug(`rule ${this.#rules[running]?.name} changes what the earlier rule ${this.#rules[rule]?.name} reads`);
    const dirty = this.#hurried !== undefined && this.#rules[rule]?.lane === "short" ? this.#urgent : this.#dirty;
    dirty[rule]?.add(bucket);
  }

  #run(index: number, bucketKey: string): void {
    const rule = this.#rules[index];
    if (rule === undefined) throw new Bug(`no rule ${index}`);
    const source = this.#buckets.get(rule.over.name)?.get(bucketKey);
    const cell = this.#cells[index]?.get(bucketKey);
    if (source === undefined || source.empty) {
      if (cell !== undefined) this.#drop(index, cell);
      return;
    }
    this.#runs[index] = (this.#runs[index] ?? 0) + 1;
    this.#derive(rule, cell ?? this.#newCell(index, bucketKey));
  }

  #newCell(index: number, bucket: string): Cell {
    const cell: Cell = { id: `${this.#rules[index]?.name} ${bucket}`, rule: index, bucket, reads: [], emitted: [] };
    this.#cells[index]?.set(bucket, cell);
    return cell;
  }

  #derive(rule: Rule, cell: Cell): void {
    const said = new Map<Bucket, unknown[]>();
    const emit: Emit = (family, key, item) => {
      const bucket = this.#bucket(family as Family<unknown>, key);
      const items = said.get(bucket);
      if (items === undefined) said.set(bucket, [item]);
      else items.push(item);
    };
    const oldReads = cell.reads;
    cell.reads = [];
    for (const bucket of oldReads) bucket.removeReader(cell);
    rule.derive(cell.bucket, this.#reader(cell), emit);
    // Without the room that a growing array keeps: there are a hundred thousand of them.
    cell.reads = cell.reads.slice();
    const oldEmitted = cell.emitted;
    cell.emitted = [...said.keys()];
    for (const bucket of oldEmitted) if (!said.has(bucket)) this.#put(bucket, cell.id, []);
    for (const [bucket, items] of said) this.#put(bucket, cell.id, items);
    for (const bucket of oldReads) this.#forgetUnused(bucket);
  }

  #reader(cell: Cell): Reader {
    const note = <T>(family: Family<T>, key: string, attention: Attention): Bucket => {
      const bucket = this.#bucket(family as Family<unknown>, key);
      bucket.addReader(cell, attention);
      cell.reads.push(bucket);
      return bucket;
    };
    return {
      all: <T>(family: Family<T>, key: string) => note(family, key, "contents").items() as readonly T[],
      one: <T>(family: Family<T>, key: string) => note(family, key, "contents").first() as T | undefined,
      atLeast: <T>(family: Family<T>, key: string, count: number) => note(family, key, "contents").holds(count),
      any: <T>(family: Family<T>, key: string) => !note(family, key, "presence").empty,
    };
  }

  #drop(index: number, cell: Cell): void {
    for (const bucket of cell.reads) bucket.removeReader(cell);
    for (const bucket of cell.emitted) this.#put(bucket, cell.id, []);
    for (const bucket of cell.reads) this.#forgetUnused(bucket);
    this.#cells[index]?.delete(cell.bucket);
  }

  #forgetUnused(bucket: Bucket): void {
    if (!bucket.unused) return;
    const buckets = this.#buckets.get(bucket.family.name);
    if (buckets?.get(bucket.key) === bucket) buckets.delete(bucket.key);
  }
}

function note(changes: MutableChanges, bucket: Bucket): void {
  let changed = changes.get(bucket.family);
  if (changed === undefined) changes.set(bucket.family, (changed = new Map()));
  changed.set(bucket.key, bucket.items());
}

function never(): boolean {
  return false;
}
