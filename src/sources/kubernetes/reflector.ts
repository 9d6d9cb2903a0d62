import type { Logger } from "pino";
import type { KindSpec } from "#k8s/kinds";
import { parseObject } from "#k8s/parse";
import { refKey, refOf } from "#k8s/object";
import type { FieldError, KubeObject, ObjectMeta, ObjectRef } from "#k8s/object";
import type { ObjectEvent, ObjectSink } from "#store/event";
import { ApiError, retryAfterMs, statusOf } from "#sources/kubernetes/api-error";
import { Backoff } from "#sources/kubernetes/backoff";
import type { ApiClient } from "#sources/kubernetes/client";
import { trimObject } from "#sources/kubernetes/trim";

/** What is counted about watches. */
export interface WatchMetrics {
  /** A kind is watched now, or is not any more. */
  watching(kind: string, established: boolean): void;
  /** A watch failed with this HTTP status (0 when the connection did). */
  watchFailed(kind: string, status: number): void;
}

/** What watching one kind needs. */
export interface ReflectorOptions {
  readonly client: ApiClient;
  readonly kind: KindSpec;
  /** The namespace to look at; all of them unless told. */
  readonly namespace?: string;
  /** The one object to look at; all of them unless told. */
  readonly name?: string;
  readonly sink: ObjectSink;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Waits some milliseconds, or less when the signal aborts. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly metrics?: WatchMetrics;
  readonly onInvalid: (ref: ObjectRef, errors: readonly FieldError[], metadata: ObjectMeta) => void;
}

/** How many objects one answer to a list holds. */
const pageSize = 500;
/** Permissions rarely come within seconds. */
const forbiddenMs = 30_000;
/** The API server sends a bookmark about every minute; a watch that is silent for longer than this is dead. */
const watchSilenceMs = 150_000;
const newline = 10;

interface ListBody {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubeObject[];
}

interface WatchLine {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject & { readonly code?: number; readonly message?: string };
}

/** Keeps a sink up to date about one kind: lists, watches, resumes, and lists again when the API server forgot where we were. */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #known = new Map<string, ObjectRef>();
  readonly #apiVersion: string;
  readonly #path: string;
  readonly #backoff: Backoff;
  #version: string | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ random: options.random });
    const { group, version, plural } = options.kind;
    this.#apiVersion = group === "" ? version : `${group}/${version}`;
    const place = options.namespace === undefined ? "" : `/namespaces/${options.namespace}`;
    this.#path = `${group === "" ? `/api/${version}` : `/apis/${group}/${version}`}${place}/${plural}`;
  }

  /** Runs until the signal aborts, or until the kind is not served any more. `onListed` is called after each complete list. */
  async run(onListed: () => void, onForbidden: () => void): Promise<"stopped" | "absent"> {
    const { signal, sleep, metrics, kind } = this.#options;
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) {
          await this.#list();
          onListed();
        }
        await this.#watch();
      } catch (error) {
        if (signal.aborted) break;
        const status = statusOf(error);
        metrics?.watching(kind.kind, false);
        metrics?.watchFailed(kind.kind, status);
        if (status === 404) {
          this.#forget();
          return "absent";
        }
        if (status === 403) onForbidden();
        // The server forgot what came after our version: everything is listed again.
        if (status === 410) this.#version = undefined;
        else this.#warn(error, status);
        await sleep(this.#backoff.next(status === 403 ? forbiddenMs : retryAfterMs(error)));
      }
    }
    return "stopped";
  }

  async #list(): Promise<void> {
    const seen = new Set<string>();
    let next = "";
    let version: string | undefined;
    do {
      const path = `${this.#path}?limit=${pageSize}${this.#selector()}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`;
      const list = await this.#options.client.call<ListBody>({ path, signal: this.#options.signal });
      this.#deliver(list.items.map((item) => ({ type: "ADDED" as const, object: { ...item, apiVersion: this.#apiVersion, kind: this.#options.kind.kind } })), seen);
      next = list.metadata.continue ?? "";
      version = list.metadata.resourceVersion;
    } while (next !== "");
    const vanished = [...this.#known].filter(([key]) => !seen.has(key));
    for (const [key] of vanished) this.#known.delete(key);
    if (vanished.length > 0) this.#options.sink.apply(vanished.map(([, ref]) => ({ type: "delete", ref })));
    this.#version = version;
    this.#backoff.reset();
  }

  async #watch(): Promise<void> {
    const { client, signal, random, sleep, metrics, kind } = this.#options;
    const seconds = 300 + Math.floor(random() * 300);
    const path = `${this.#path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${this.#version ?? ""}${this.#selector()}`;
    const stream = await client.stream({ path, signal, silenceMs: watchSilenceMs });
    metrics?.watching(kind.kind, true);
    // All that came in one piece of the network goes on together.
    let silent = true;
    for await (const lines of linesOf(stream)) {
      silent = false;
      const events = lines.map((line) => JSON.parse(line) as WatchLine);
      const failed = events.find((event) => event.type === "ERROR");
      this.#deliver(events.filter((event) => event !== failed));
      if (failed !== undefined) throw new ApiError(failed.object.code ?? 500, { message: failed.object.message ?? "the watch failed" });
      this.#backoff.reset();
    }
    // A server that ends streams before it says anything is not asked again at once.
    if (silent && !signal.aborted) await sleep(this.#backoff.next());
  }

  #warn(error: unknown, status: number): void {
    const { log, kind, namespace = "all" } = this.#options;
    const rule = { apiGroups: [kind.group], resources: [kind.plural], verbs: ["list", "watch"] };
    if (status === 403) log.warn({ kind: kind.kind, namespace, rule }, "RBAC does not allow to watch a kind; grant this rule");
    else log.warn({ kind: kind.kind, status, reason: error instanceof Error ? error.message : String(error) }, "a kind cannot be watched; what is known stays in force");
  }

  #selector(): string {
    const { name } = this.#options;
    if (name !== undefined) return `&fieldSelector=metadata.name%3D${encodeURIComponent(name)}`;
    // Helm keeps its releases in Secrets, each up to a megabyte, and tokens are nobody's business here.
    return this.#options.kind.kind === "Secret" ? "&fieldSelector=type%21%3Dhelm.sh%2Frelease.v1%2Ctype%21%3Dkubernetes.io%2Fservice-account-token" : "";
  }

  #deliver(lines: readonly WatchLine[], seen?: Set<string>): void {
    const events = lines.flatMap((line) => this.#event(line, seen));
    if (events.length > 0) this.#options.sink.apply(events);
  }

  #event({ type, object }: WatchLine, seen: Set<string> | undefined): readonly ObjectEvent[] {
    const version = object.metadata.resourceVersion;
    if (seen === undefined && version !== undefined) this.#version = version;
    if (type === "BOOKMARK") return [];
    const ref = refOf(object);
    const key = refKey(ref);
    if (type === "DELETED") {
      this.#known.delete(key);
      return [{ type: "delete", ref }];
    }
    seen?.add(key);
    const parsed = parseObject(trimObject(object), { origin: "cluster" });
    if (!parsed.ok) {
      // The last good version stays: an object that is out of shape must not take its host down.
      this.#options.onInvalid(ref, parsed.error.kind === "invalid" ? parsed.error.errors : [], object.metadata);
      return [];
    }
    this.#known.set(key, ref);
    return [{ type: "upsert", object: parsed.value }];
  }

  #forget(): void {
    const refs = [...this.#known.values()];
    this.#known.clear();
    this.#version = undefined;
    if (refs.length > 0) this.#options.sink.apply(refs.map((ref) => ({ type: "delete", ref })));
  }
}

/** Whole lines, as many as each piece of the stream completes. */
async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<readonly string[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(newline);
    if (end === -1) rest = bytes;
    else {
      rest = bytes.subarray(end + 1);
      yield bytes.toString("utf8", 0, end).split("\n").filter((line) => line !== "");
    }
  }
}
