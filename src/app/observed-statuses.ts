import { refKey, refOf } from "#k8s/object";
import type { KubeObject } from "#k8s/object";
import type { ObjectEvent } from "#store/event";

/** The statuses that objects have, as last seen. */
export class ObservedStatuses {
  readonly #statuses = new Map<string, Readonly<Record<string, unknown>>>();

  note(events: readonly ObjectEvent[]): void {
    for (const event of events) {
      if (event.type === "delete") this.#statuses.delete(refKey(event.ref));
      else this.#keep(event.object);
    }
  }

  get(key: string): Readonly<Record<string, unknown>> | undefined {
    return this.#statuses.get(key);
  }

  #keep(object: KubeObject): void {
    const { status } = object as KubeObject & { status?: Readonly<Record<string, unknown>> };
    if (status === undefined) this.#statuses.delete(refKey(refOf(object)));
    else this.#statuses.set(refKey(refOf(object)), status);
  }
}
