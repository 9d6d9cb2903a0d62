import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";

/** Something that happened to an object, for who describes it. */
export interface ObjectNote {
  readonly regarding: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string; readonly uid?: string };
  readonly type: "Normal" | "Warning";
  /** CamelCase, from a closed list. */
  readonly reason: string;
  readonly note: string;
  /** Tells apart what else would be the same: the generation of the object, the end of a certificate. */
  readonly occasion: string;
}

/** What an event recorder needs. */
export interface EventRecorderOptions {
  readonly client: ApiClient;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Who says it: the name of this replica. */
  readonly instance: string;
  /** Hears what became of each note. */
  readonly onOutcome: (outcome: "written" | "known" | "failed" | "dropped") => void;
}

/** So many events may be written at once, and so many more in each second: events are for people. */
const burst = 50;
const perSecond = 5;
/** Kubernetes takes notes of 1024 bytes. */
const longestNote = 1000;
/** Names of events that were written, so that nothing is asked twice; forgotten all at once when there are too many. */
const mostKnown = 10_000;

/**
 * Writes events (events.k8s.io/v1), by the leader only and beside everything else. The name of an event is made of what it says: the
 * same is said once, also by another replica and after a restart, as long as the API server keeps it (an hour).
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #known = new Set<string>();
  #leading = false;
  #tokens = burst;
  #filledAt = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  setLeading(leading: boolean): void {
    this.#leading = leading;
  }

  /** Says something about an object, soon. */
  record(what: ObjectNote): void {
    if (!this.#leading) return;
    const { regarding: { kind, namespace, name }, type, reason, note, occasion } = what;
    const id = createHash("sha256").update(JSON.stringify([kind, namespace, name, type, reason, note, occasion])).digest("hex").slice(0, 16);
    const { onOutcome } = this.#options;
    if (this.#known.has(id)) return onOutcome("known");
    if (!this.#take()) return onOutcome("dropped");
    if (this.#known.size >= mostKnown) this.#known.clear();
    this.#known.add(id);
    void this.#write(what, id);
  }

  #take(): boolean {
    const now = this.#options.clock();
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  async #write({ regarding, type, reason, note }: ObjectNote, id: string): Promise<void> {
    const { client, clock, instance, log, onOutcome } = this.#options;
    const namespace = regarding.namespace === "" ? "default" : regarding.namespace;
    const body = {
      apiVersion: "events.k8s.io/v1", kind: "Event",
      metadata: { name: `${regarding.name.slice(0, 200)}.${id}`, namespace },
      eventTime: `${new Date(clock()).toISOString().slice(0, -1)}000Z`,
      reportingController: "projectcontour.io/contour", reportingInstance: instance.slice(0, 128),
      action: "Configure", reason, regarding, note: note.length > longestNote ? `${note.slice(0, longestNote)}…` : note, type,
    };
    try {
      await client.call({ method: "POST", path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`, body });
      onOutcome("written");
    } catch (error) {
      if (statusOf(error) === 409) return onOutcome("known");
      this.#known.delete(id);
      onOutcome("failed");
      log.debug({ object: `${regarding.kind}/${regarding.namespace}/${regarding.name}`, reason: String(error) }, "an event cannot be written");
    }
  }
}
