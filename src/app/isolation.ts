/** How a part that Envoy may refuse is kept from it: answered with an error in its place, or left out. */
export type HiddenForm = "answer" | "drop";

/** What to send next, and what is known. */
export interface IsolationStep {
  readonly hidden: ReadonlyMap<string, HiddenForm>;
  /** Parts that Envoy refuses, with its words; there is nothing more to find out while this is here. */
  readonly refused?: ReadonlyMap<string, string>;
  /** Even without all suspects Envoy refuses: it is not one of them. */
  readonly hopeless?: true;
}

/**
 * Finds which parts of a refused resource Envoy refuses. First all suspects are hidden; then groups of them are shown
 * again, halved as long as Envoy refuses: some 2·k·log₂(n) answers for k bad parts among n. What is shown grows only by
 * what was accepted, so all other parts are served meanwhile.
 */
export class Isolation {
  readonly #suspects: readonly string[];
  readonly #messages = new Map<string, string>();
  readonly #bad = new Set<string>();
  readonly #answered = new Set<string>();
  #form: HiddenForm = "answer";
  #phase: "base" | "search" | "answers" | "done" = "base";
  /** Groups that have to be tried; the first is being tried. */
  #groups: (readonly string[])[] = [];
  #unknown: ReadonlySet<string>;
  #lastMessage: string;

  constructor(suspects: readonly string[], message: string) {
    this.#suspects = suspects;
    this.#unknown = new Set(suspects);
    this.#lastMessage = message;
  }

  /** What to send first. */
  begin(): IsolationStep {
    return this.#step();
  }

  /** What to send after Envoy's verdict on the last step. */
  next(accepted: boolean, message = ""): IsolationStep {
    if (!accepted) this.#lastMessage = message;
    if (this.#phase === "base") return this.#afterBase(accepted);
    if (this.#phase === "search") return this.#afterTrial(accepted);
    if (this.#phase === "answers") return this.#afterAnswer(accepted);
    return this.#step();
  }

  #afterBase(accepted: boolean): IsolationStep {
    if (!accepted && this.#form === "drop") return { hidden: new Map(), hopeless: true };
    if (!accepted) {
      this.#form = "drop";
      return this.#step();
    }
    this.#phase = "search";
    this.#groups = [this.#suspects];
    // All of them together were refused already.
    return this.#split();
  }

  #afterTrial(accepted: boolean): IsolationStep {
    if (!accepted) return this.#split();
    const [good = []] = this.#groups.splice(0, 1);
    this.#unknown = new Set([...this.#unknown].filter((part) => !good.includes(part)));
    return this.#try();
  }

  /** The first group was refused: one part of it is bad for sure when it is alone. */
  #split(): IsolationStep {
    const [group = []] = this.#groups.splice(0, 1);
    const [only] = group;
    if (group.length === 1 && only !== undefined) {
      this.#bad.add(only);
      this.#messages.set(only, this.#lastMessage);
      this.#unknown = new Set([...this.#unknown].filter((part) => part !== only));
      return this.#try();
    }
    const half = Math.ceil(group.length / 2);
    this.#groups.unshift(...[group.slice(0, half), group.slice(half)].filter((part) => part.length > 0));
    return this.#try();
  }

  #try(): IsolationStep {
    const [group] = this.#groups;
    if (group === undefined) return this.#form === "drop" ? this.#tryAnswers() : this.#done();
    // Nothing bad is found yet, so it is in what is left: that was refused with all the rest.
    return this.#bad.size === 0 && this.#groups.length === 1 ? this.#split() : this.#step();
  }

  /** What had to be left out may still be answered in its place: unless it is its match that Envoy refuses. */
  #tryAnswers(): IsolationStep {
    this.#phase = "answers";
    this.#groups = [...this.#bad].map((part) => [part]);
    for (const [part] of this.#groups) if (part !== undefined) this.#answered.add(part);
    const only = this.#groups.slice(1).flat();
    for (const part of only) this.#answered.delete(part);
    return this.#groups.length === 0 ? this.#done() : this.#step();
  }

  #afterAnswer(accepted: boolean): IsolationStep {
    const [[part = ""] = []] = this.#groups.splice(0, 1);
    if (!accepted) this.#answered.delete(part);
    const [[next] = []] = this.#groups;
    if (next === undefined) return this.#done();
    this.#answered.add(next);
    return this.#step();
  }

  #done(): IsolationStep {
    this.#phase = "done";
    return { ...this.#step(), refused: new Map([...this.#bad].map((part) => [part, this.#messages.get(part) ?? ""])) };
  }

  #step(): IsolationStep {
    const shown = new Set(this.#phase === "search" ? this.#groups[0] : []);
    const hidden = this.#suspects.filter((part) => this.#bad.has(part) || (this.#unknown.has(part) && !shown.has(part)));
    return { hidden: new Map(hidden.map((part) => [part, this.#answered.has(part) ? "answer" : this.#form])) };
  }
}
