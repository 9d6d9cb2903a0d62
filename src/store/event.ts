import type { KubeObject, ObjectRef } from "#k8s/object";

/** A change of one object, as every source reports it. */
export type ObjectEvent =
  | { readonly type: "upsert"; readonly object: KubeObject }
  | { readonly type: "delete"; readonly ref: ObjectRef };

/** What a source feeds: batches of changes, applied together, in order. */
export interface ObjectSink {
  apply(events: readonly ObjectEvent[]): void;
}
