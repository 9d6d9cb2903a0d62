import type { Logger } from "pino";
import type { KindSpec } from "#k8s/kinds";
import { parseObject } from "#k8s/parse";
import { refKey, refOf } from "#k8s/object";
import type { FieldError, KubeObject, ObjectRef } from "#k8s/object";
import type { ObjectEvent, ObjectSink } from "#store/event";
import type { KubeClient } from "#sources/kubernetes/client";
import { trimObject } from "#sources/kubernetes/trim";

/** What watching one kind needs. */
export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly kind: KindSpec;
  readonly sink: ObjectSink;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Waits some milliseconds, or less when the signal aborts. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly onInvalid: (ref: ObjectRef, errors: readonly FieldError[]) => void;
}

/** How many objects one answer to a list holds. */
const pageSize = 500;
const firstBackOffMs = 200;
const longestBackOffMs = 30_000;

interface ListBody {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubeObject[];
}

interface WatchLine {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject & { readonly code?: number };
}

/** What ended a try to list or watch. */
type Outcome = "expired" | "interrupted" | "absent" | "forbidden";

/** Keeps a sink up to date about one kind: lists, watches, resumes, and lists again when the API server forgot where we were. */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #known = new Map<string, ObjectRef>();
  readonly #apiVersion: string;
  readonly #path: string;
  #version: string | undefined;
  #failures = 0;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    const { group, version, plural } = options.kind;
    this.#apiVersion = group === "" ? version : `${group}/${version}`;
    this.#path = `${group === "" ? `/api/${version}` : `/apis/${group}/${version}`}/${plural}`;
  }

  /** Runs until the signal aborts, or until the kind is not served any more. `onListed` is called after each complete list. */
  async run(onListed: () => void, onForbidden: () => void): Promise<"stopped" | "absent"> {
    const { signal, log, kind } = this.#options;
    while (!signal.aborted) {
      const outcome = await this.#once(onListed).catch((error: unknown): Outcome => {
        if (!signal.aborted) log.warn({ kind: kind.kind, reason: error instanceof Error ? error.message : String(error) }, "the API server cannot be watched; what is known stays in force");
        return "interrupted";
      });
      if (outcome === "absent") {
        this.#forget();
        return "absent";
      }
      if (outcome === "forbidden") onForbidden();
      if (outcome === "expired") this.#version = undefined;
      else if (!signal.aborted) await this.#backOff(outcome);
    }
    return "stopped";
  }

  async #once(onListed: () => void): Promise<Outcome> {
    if (this.#version === undefined) {
      const listed = await this.#list();
      if (listed !== "listed") return listed;
      onListed();
    }
    return this.#watch();
  }

  async #list(): Promise<"listed" | Outcome> {
    const seen = new Set<string>();
    let next = "";
    let version: string | undefined;
    do {
      const { status, body } = await this.#options.client.request("GET", `${this.#path}?limit=${pageSize}${this.#selector()}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`);
      if (status === 410 && next !== "") return "expired";
      if (status !== 200) return this.#refused(status, body);
      const list = body as ListBody;
      this.#deliver(list.items.map((item) => ({ type: "ADDED" as const, object: { ...item, apiVersion: this.#apiVersion, kind: this.#options.kind.kind } })), seen);
      next = list.metadata.continue ?? "";
      version = list.metadata.resourceVersion;
    } while (next !== "");
    const vanished = [...this.#known].filter(([key]) => !seen.has(key));
    for (const [key] of vanished) this.#known.delete(key);
    if (vanished.length > 0) this.#options.sink.apply(vanished.map(([, ref]) => ({ type: "delete", ref })));
    this.#version = version;
    this.#failures = 0;
    return "listed";
  }

  async #watch(): Promise<Outcome> {
    let outcome: Outcome = "interrupted";
    const seconds = 300 + Math.floor(this.#options.random() * 300);
    const path = `${this.#path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${this.#version ?? ""}${this.#selector()}`;
    const { status, body } = await this.#options.client.stream(
      path,
      (lines) => {
        const events = lines.map((line) => JSON.parse(line) as WatchLine);
        const error = events.find((event) => event.type === "ERROR");
        this.#deliver(events.filter((event) => event.type !== "ERROR"));
        if (error !== undefined) outcome = error.object.code === 410 ? "expired" : "interrupted";
        else this.#failures = 0;
      },
      this.#options.signal,
    );
    if (status === 410) return "expired";
    return status === 200 ? outcome : this.#refused(status, body);
  }

  #refused(status: number, body: unknown): Outcome {
    const { log, kind } = this.#options;
    if (status === 404) return "absent";
    if (status === 403) log.warn({ kind: kind.kind, rule: { apiGroups: [kind.group], resources: [kind.plural], verbs: ["list", "watch"] } }, "RBAC does not allow to watch a kind; grant this rule");
    else log.warn({ kind: kind.kind, status, reason: (body as { message?: string } | undefined)?.message }, "the API server refuses a request");
    return status === 403 ? "forbidden" : "interrupted";
  }

  #selector(): string {
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
    if (type === "BOOKMARK" || type === "ERROR") return [];
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
      this.#options.onInvalid(ref, parsed.error.kind === "invalid" ? parsed.error.errors : []);
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

  async #backOff(outcome: Outcome): Promise<void> {
    const steps = this.#failures++;
    const ms = outcome === "forbidden" ? longestBackOffMs : Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(steps, 10));
    // The first try after a watch that simply ran out goes out at once.
    if (steps > 0 || outcome === "forbidden") await this.#options.sleep(ms * (0.5 + this.#options.random() / 2));
  }
}
