import type { ObjectMeta } from "#k8s/object";

export interface Namespace {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}
