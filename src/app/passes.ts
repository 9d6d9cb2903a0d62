/** How long work is cut into slices. */
export interface Slices {
  /** Milliseconds after which the rest is left for later. */
  readonly ms: number;
  /** Calls back when everything else has had its turn. */
  readonly later: (next: () => void) => void;
}

/** One run through the pipeline: from something that was taken in to its publication. */
export interface Pass {
  /** When the cause arrived. */
  readonly at: number;
  /** Milliseconds of work so far. */
  ms: number;
}

/** What passes consist of. */
export interface PassOptions {
  /** Absent does everything at once. */
  readonly slices: Slices | undefined;
  readonly stopwatch: () => number;
  /** Works until all is done, which it tells, or `isOver` says that it is enough for now. */
  work(isOver?: () => boolean): boolean;
  /** Publishes what a pass led to; gives what to take in next because of it. */
  finish(pass: Pass): (() => void) | undefined;
}

/**
 * Takes changes through the pipeline one after the other. A small one is through at once; a large one in slices, and what comes
 * meanwhile waits: so each publication is all of some changes, and never a part of one.
 */
export class Passes {
  readonly #options: PassOptions;
  readonly #waiting: (() => void)[] = [];
  #pass: Pass | undefined;
  #finishing = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: PassOptions) {
    this.#options = options;
  }

  /** Whether something is being worked on. */
  get busy(): boolean {
    return this.#pass !== undefined;
  }

  /** Whether what is taken in now still becomes a part of the pass under way. */
  get open(): boolean {
    return this.busy && !this.#finishing;
  }

  /** Resolves when nothing is being worked on and nothing waits. */
  get idle(): Promise<void> {
    if (!this.busy) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** Does something that looks at the pipeline as a whole, or changes it: now, or after all that came before it. */
  whenIdle(call: () => void): void {
    if (this.busy) this.#waiting.push(call);
    else call();
  }

  /** Begins with what `take` takes in, which arrived `at`. Only while nothing is being worked on. */
  begin(take: () => void, at: number): void {
    const started = this.#options.stopwatch();
    const pass: Pass = { at, ms: 0 };
    this.#pass = pass;
    this.#guarded(() => {
      take();
      this.#continue(pass, started);
    });
  }

  #continue(pass: Pass, started: number): void {
    const { slices, stopwatch, work, finish } = this.#options;
    const isDone = work(slices === undefined ? undefined : () => stopwatch() - started >= slices.ms);
    pass.ms += stopwatch() - started;
    if (!isDone) return slices?.later(() => this.#guarded(() => this.#continue(pass, stopwatch())));
    this.#finishing = true;
    const next = finish(pass);
    this.#finishing = false;
    if (next !== undefined) return this.begin(next, pass.at);
    this.#pass = undefined;
    while (!this.busy && this.#waiting.length > 0) this.#waiting.shift()?.();
    if (this.busy) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** An error is a bug of ours; whoever goes on after it all the same finds no work that never ends. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#pass = undefined;
      this.#finishing = false;
      throw error;
    }
  }
}
