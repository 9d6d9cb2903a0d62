import type { ObjectMeta } from "#k8s/object";

export interface IngressClass {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly controller?: string };
}
