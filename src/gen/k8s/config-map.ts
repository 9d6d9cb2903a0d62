import type { ObjectMeta } from "#k8s/object";

export interface ConfigMap {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
}
