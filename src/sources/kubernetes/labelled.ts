import type { Logger } from "pino";
import { retryAfterMs, statusOf } from "#sources/kubernetes/api-error";
import { Backoff } from "#sources/kubernetes/backoff";
import type { ApiClient } from "#sources/kubernetes/client";

/** An object as the API server gives it: only its metadata is known here. */
export interface LabelledObject {
  readonly metadata: {
    readonly namespace?: string;
    readonly name: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  };
}

/** What following objects by a label needs. */
export interface LabelledOptions {
  readonly client: ApiClient;
  /** The list of a kind: `/apis/apps/v1/deployments`. */
  readonly path: string;
  /** The labels that they have. */
  readonly selector: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly onObject: (object: LabelledObject) => void;
  readonly onGone: (object: LabelledObject) => void;
}

const watchSilenceMs = 150_000;

/** Follows all objects of a kind that have a label, whatever else is in them. Those that vanished meanwhile are gone, too. Resolves when the signal aborts. */
export async function followLabelled(options: LabelledOptions): Promise<void> {
  const { client, path, selector, signal, sleep, log, random } = options;
  const known = new Map<string, LabelledObject>();
  const backoff = new Backoff({ random });
  const query = `labelSelector=${encodeURIComponent(selector)}`;
  while (!signal.aborted) {
    try {
      const list = await client.call<{ readonly metadata: { readonly resourceVersion: string }; readonly items: readonly LabelledObject[] }>({ path: `${path}?${query}`, signal });
      replace(options, known, list.items);
      backoff.reset();
      const seconds = 300 + Math.floor(random() * 300);
      const stream = await client.stream({ path: `${path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${list.metadata.resourceVersion}&${query}`, signal, silenceMs: watchSilenceMs });
      await follow(options, known, stream);
    } catch (error) {
      if (signal.aborted) break;
      if (statusOf(error) !== 410) log.warn({ path, status: statusOf(error), reason: String(error) }, "what was made for Gateways cannot be watched");
      await sleep(backoff.next(retryAfterMs(error)));
    }
  }
}

function keyOf({ metadata }: LabelledObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function replace({ onObject, onGone }: LabelledOptions, known: Map<string, LabelledObject>, items: readonly LabelledObject[]): void {
  const now = new Map(items.map((item) => [keyOf(item), item]));
  for (const [key, object] of known) if (!now.has(key)) onGone(object);
  known.clear();
  for (const [key, object] of now) known.set(key, object);
  for (const object of items) onObject(object);
}

interface WatchLine {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: LabelledObject;
}

async function follow({ onObject, onGone }: LabelledOptions, known: Map<string, LabelledObject>, stream: AsyncIterable<Buffer>): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { type, object } = JSON.parse(line) as WatchLine;
      if (type === "ERROR") return;
      if (type === "BOOKMARK") continue;
      if (type === "DELETED") known.delete(keyOf(object));
      else known.set(keyOf(object), object);
      (type === "DELETED" ? onGone : onObject)(object);
    }
  }
}
