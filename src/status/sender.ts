import type { Logger } from "pino";
import { kinds } from "#k8s/kinds";
import type { KindName } from "#k8s/kinds";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";

/** The object whose status is written. */
export interface StatusTarget {
  readonly kind: KindName;
  readonly namespace: string;
  readonly name: string;
  /** The version of the kind that the API server has; the usual one when absent. */
  readonly version: string | undefined;
}

/** An object as the API server answers with it. */
export interface WrittenObject {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly status?: Readonly<Record<string, unknown>>;
}

/**
 * Sends statuses: as a patch of what differs. Where that is forbidden, the whole object is read and its status replaced: Go Contour's rights
 * have `update` and no `patch`, and whoever swaps the image alone keeps those rights.
 */
export class StatusSender {
  readonly #client: ApiClient;
  readonly #log: Logger;
  readonly #replacing = new Set<KindName>();

  constructor(client: ApiClient, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  /** Writes what differs. Throws `ApiError` when it is refused. */
  async send(target: StatusTarget, status: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<WrittenObject> {
    const { kind } = target;
    if (this.#replacing.has(kind)) return this.#replace(target, status, signal);
    try {
      return await this.#client.call<WrittenObject>({ method: "PATCH", path: `${pathOf(target)}/status`, body: { status }, contentType: "application/merge-patch+json", signal });
    } catch (error) {
      if (statusOf(error) !== 403) throw error;
      // Whoever may do neither is told of the one that our manifests grant.
      const written = await this.#replace(target, status, signal).catch((second: unknown) => Promise.reject(statusOf(second) === 403 ? error : second));
      this.#replacing.add(kind);
      this.#log.warn({ kind }, "statuses may be updated but not patched, which costs a request more for each: the rights in deploy/ have both");
      return written;
    }
  }

  async #replace(target: StatusTarget, status: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<WrittenObject> {
    const path = pathOf(target);
    const object = await this.#client.call<WrittenObject>({ path, signal });
    // The version in it has the write refused (409) where somebody was faster.
    return this.#client.call<WrittenObject>({ method: "PUT", path: `${path}/status`, body: { ...object, status: { ...object.status, ...status } }, signal });
  }
}

function pathOf({ kind, namespace, name, version = kinds[kind].version }: StatusTarget): string {
  const { group, plural, namespaced } = kinds[kind];
  const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${base}${namespaced ? `/namespaces/${namespace}` : ""}/${plural}/${name}`;
}
