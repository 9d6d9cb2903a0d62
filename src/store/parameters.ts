import { Bug } from "#lib/bug";
import { equalValues } from "#lib/equal";

/** Which rule runs: said by the graph that runs it, for all that is read beside facts. */
export class RunningRule {
  /** The number of the rule; undefined between runs. */
  number: number | undefined;
}

/**
 * Values that rules are made with and that may change while they live, such as settings: notes which rule reads which
 * field of them. By rule and not by unit: a hundred thousand units read the same few fields.
 */
export class Parameters<T extends object> {
  /** What rules are made with: its fields are read while a rule runs, never while it is made. */
  readonly live: T;
  #values: T;
  readonly #running: RunningRule;
  readonly #readers = new Map<PropertyKey, Set<number>>();

  constructor(running: RunningRule, values: T) {
    this.#running = running;
    this.#values = values;
    this.live = new Proxy({} as T, {
      get: (_, field) => (this.#note(field), Reflect.get(this.#values, field) as unknown),
      has: (_, field) => (this.#note(field), Reflect.has(this.#values, field)),
      // Who copies the whole reads all of it, also what is absent now.
      ownKeys: () => (this.#note(allFields), Reflect.ownKeys(this.#values)),
      getOwnPropertyDescriptor: (_, field) => ({ value: Reflect.get(this.#values, field) as unknown, enumerable: true, configurable: true, writable: false }),
    });
  }

  /** The values as they are now. */
  get values(): T {
    return this.#values;
  }

  /** Goes over to other values; gives the rules that have read a field that is different now. */
  replace(values: T): ReadonlySet<number> {
    const before = this.#values;
    this.#values = values;
    const changed = [...new Set([...Reflect.ownKeys(before), ...Reflect.ownKeys(values)])].filter((field) => !equalValues(Reflect.get(before, field), Reflect.get(values, field)));
    const readers = changed.length === 0 ? [] : [...changed, allFields].flatMap((field) => [...(this.#readers.get(field) ?? [])]);
    return new Set(readers);
  }

  #note(field: PropertyKey): void {
    const rule = this.#running.number;
    if (rule === undefined) throw new Bug(`${String(field)} is read while a rule is made; read it in derive, because it may change`);
    let readers = this.#readers.get(field);
    if (readers === undefined) this.#readers.set(field, (readers = new Set()));
    readers.add(rule);
  }
}

const allFields = Symbol("all fields");
