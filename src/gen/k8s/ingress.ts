import type { ObjectMeta } from "#k8s/object";

export interface IngressBackend {
  readonly service?: { readonly name: string; readonly port?: { readonly name?: string; readonly number?: number } };
  readonly resource?: Readonly<Record<string, unknown>>;
}

export interface Ingress {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly ingressClassName?: string;
    readonly defaultBackend?: IngressBackend;
    readonly rules?: ReadonlyArray<{ readonly host?: string; readonly http?: { readonly paths: ReadonlyArray<{ readonly path?: string; readonly pathType?: string; readonly backend: IngressBackend }> } }>;
    readonly tls?: ReadonlyArray<{ readonly hosts?: readonly string[]; readonly secretName?: string }>;
  };
}
