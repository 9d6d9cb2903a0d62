import type { Logger } from "pino";
import type { KindName } from "#k8s/kinds";
import { retryAfterMs, statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";
import { gatewayConditions } from "#conditions/gateway";
import { mergeStatus } from "#status/merge";
import { StatusSender } from "#status/sender";
import type { WrittenObject } from "#status/sender";

/** What the status of one object should say. */
export interface StatusUpdate {
  readonly kind: KindName;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly status: Readonly<Record<string, unknown>>;
}

/** What is counted about writing statuses. */
export interface StatusMetrics {
  written(kind: string, outcome: "success" | "noop" | "failed" | "conflict", seconds: number): void;
}

/** What a writer needs. */
export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly log: Logger;
  readonly metrics: StatusMetrics;
  /** The version of a kind that the API server has; the usual one when absent. */
  readonly versionOf?: (kind: KindName) => string | undefined;
  /** The controller whose entries in lists of parents are ours. */
  readonly controllerName: string;
  /** The status that the object has, as last seen; undefined for none. */
  readonly current: (update: StatusUpdate) => Readonly<Record<string, unknown>> | undefined;
  /** Hears of each status that was written, and what the object said before. */
  readonly onWritten?: (update: StatusUpdate, before: Readonly<Record<string, unknown>> | undefined) => void;
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** Writes in flight at once; 24 unless told. */
  readonly concurrency?: number;
}

const firstRetryMs = 100;
const longestRetryMs = 10_000;
/** Answers that stay the same however often the request is made. */
const hopeless = new Set([400, 403, 422]);

interface Written {
  readonly resourceVersion: string;
  readonly status: Readonly<Record<string, unknown>> | undefined;
}

/** Resource versions of one kind can be compared as numbers (Kubernetes API concepts, "Resource versions"; KEP-5504). */
function isOlder(version: string | undefined, than: string): boolean {
  if (version === undefined) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}

/** Writes statuses beside everything else: callers never wait. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #sender: StatusSender;
  readonly #desired = new Map<string, StatusUpdate>();
  /** Keys to look at, the newest last: taken from the end. A key may stand here twice; `#queued` says whether it still waits. */
  readonly #stack: string[] = [];
  readonly #queued = new Set<string>();
  /** What objects say after our last write, until an event shows that or something newer: events come later than answers. */
  readonly #written = new Map<string, Written>();
  readonly #busy = new Set<string>();
  /** Keys that changed while they were being written. */
  readonly #again = new Set<string>();
  readonly #idle: (() => void)[] = [];
  #leading = false;
  /** Ends with the leadership: a request that is still on its way would write beside the next leader. */
  #term = new AbortController();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#sender = new StatusSender(options.client, options.log);
  }

  /** Takes over what statuses should be; those that differ are written soon, by the leader. */
  submit(updates: readonly StatusUpdate[]): void {
    for (const update of updates) {
      const key = `${update.kind}/${update.namespace}/${update.name}`;
      this.#desired.set(key, update);
      this.#enqueue(key);
    }
    this.#pump();
  }

  /** An event showed an object in this version. If somebody else wrote it after us, its status is looked at again. */
  seen(kind: string, namespace: string, name: string, resourceVersion: string | undefined): void {
    const key = `${kind}/${namespace}/${name}`;
    const written = this.#written.get(key);
    if (written === undefined || isOlder(resourceVersion, written.resourceVersion)) return;
    this.#written.delete(key);
    if (resourceVersion === written.resourceVersion) return;
    this.#enqueue(key);
    this.#pump();
  }

  /** Forgets an object that is gone. */
  forget(kind: string, namespace: string, name: string): void {
    this.#desired.delete(`${kind}/${namespace}/${name}`);
    this.#written.delete(`${kind}/${namespace}/${name}`);
  }

  /** The leader looks at everything again: the one before it may have stopped halfway. */
  setLeading(leading: boolean): void {
    this.#leading = leading;
    this.#term.abort();
    this.#term = new AbortController();
    this.#stack.length = 0;
    this.#queued.clear();
    if (leading) for (const key of this.#desired.keys()) this.#enqueue(key);
    this.#pump();
  }

  /** Resolves when nothing is left to write. */
  idle(): Promise<void> {
    if (this.#queued.size === 0 && this.#busy.size === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#idle.push(resolve));
  }

  #enqueue(key: string): void {
    const update = this.#desired.get(key);
    if (!this.#leading || update === undefined) return;
    if (this.#busy.has(key)) return void this.#again.add(key);
    if (this.#patch(update) === undefined) return this.#options.metrics.written(update.kind, "noop", 0);
    this.#queued.add(key);
    this.#stack.push(key);
  }

  #patch(update: StatusUpdate): Readonly<Record<string, unknown>> | undefined {
    const now = new Date(this.#options.clock()).toISOString().replace(/\.\d+Z$/, "Z");
    return mergeStatus(update.status, this.#current(update), now, this.#options.controllerName, ownTypes(update.kind));
  }

  #current(update: StatusUpdate): Readonly<Record<string, unknown>> | undefined {
    const written = this.#written.get(`${update.kind}/${update.namespace}/${update.name}`);
    return written === undefined ? this.#options.current(update) : written.status;
  }

  #pump(): void {
    while (this.#busy.size < (this.#options.concurrency ?? 24) && !this.#options.signal.aborted) {
      const key = this.#stack.pop();
      if (key === undefined) return;
      if (!this.#queued.delete(key)) continue;
      this.#busy.add(key);
      void this.#write(key).finally(() => this.#done(key));
    }
  }

  #done(key: string): void {
    this.#busy.delete(key);
    if (this.#again.delete(key)) this.#enqueue(key);
    this.#pump();
    if (this.#queued.size === 0 && this.#busy.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #keep(key: string, { metadata, status }: WrittenObject): undefined {
    if (metadata?.resourceVersion !== undefined) this.#written.set(key, { resourceVersion: metadata.resourceVersion, status });
  }

  async #write(key: string): Promise<void> {
    const { log, metrics, clock, signal, sleep } = this.#options;
    const term = this.#term.signal;
    for (let attempt = 0; this.#leading && !term.aborted && !signal.aborted; attempt++) {
      const update = this.#desired.get(key);
      const patch = update === undefined ? undefined : this.#patch(update);
      if (update === undefined || patch === undefined) return;
      const before = this.#current(update);
      const started = clock();
      const refusal = await this.#sender.send({ ...update, version: this.#options.versionOf?.(update.kind) }, patch, term).then((object) => this.#keep(key, object), (error: unknown) => ({ error }));
      const seconds = (clock() - started) / 1000;
      if (refusal === undefined) {
        this.#options.onWritten?.(update, before);
        return metrics.written(update.kind, "success", seconds);
      }
      const status = statusOf(refusal.error);
      if (status === 404 || term.aborted) return;
      metrics.written(update.kind, status === 409 ? "conflict" : "failed", seconds);
      if (hopeless.has(status)) return log.error({ object: key, status, reason: String(refusal.error) }, "a status cannot be written");
      await sleep(Math.max(retryAfterMs(refusal.error), Math.min(longestRetryMs, firstRetryMs * 2 ** attempt)));
    }
  }
}

/** Conditions of Gateway API that are set only while they are true go away by not being desired. */
function ownTypes(kind: KindName): readonly string[] {
  return Object.keys((gatewayConditions as Readonly<Record<string, object>>)[kind] ?? {});
}
