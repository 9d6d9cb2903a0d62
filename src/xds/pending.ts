/** Names that wait, each since a change, and the oldest of these changes in constant time. */
export class Pending {
  readonly #since = new Map<string, number>();
  readonly #counts = new Map<number, number>();
  #floor: number | undefined = Infinity;

  /** Adds a name; one that already waits keeps its earlier change. */
  add(name: string, since: number): void {
    if (this.#since.has(name)) return;
    this.#since.set(name, since);
    this.#counts.set(since, (this.#counts.get(since) ?? 0) + 1);
    if (this.#floor !== undefined && since < this.#floor) this.#floor = since;
  }

  /** Takes a name out. */
  delete(name: string): void {
    const since = this.#since.get(name);
    if (since === undefined) return;
    this.#since.delete(name);
    this.#release(since);
  }

  /** Takes every name out. */
  clear(): void {
    this.#since.clear();
    this.#counts.clear();
    this.#floor = Infinity;
  }

  /** Since which change a name waits. */
  since(name: string): number | undefined {
    return this.#since.get(name);
  }

  /** Gives the oldest change that something waits for; Infinity when nothing waits. */
  floor(): number {
    this.#floor ??= this.#counts.keys().reduce((a, b) => Math.min(a, b), Infinity);
    return this.#floor;
  }

  #release(since: number): void {
    const left = (this.#counts.get(since) ?? 1) - 1;
    if (left > 0) this.#counts.set(since, left);
    else this.#counts.delete(since);
    if (left === 0 && since === this.#floor) this.#floor = undefined;
  }
}
