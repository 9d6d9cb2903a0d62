import type { ObjectMeta } from "#k8s/object";

export interface TLSCertificateDelegation {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly delegations: ReadonlyArray<{
      readonly secretName: string;
      readonly targetNamespaces: readonly string[];
    }>;
  };
  readonly status?: {
    readonly conditions?: ReadonlyArray<{
      readonly errors?: ReadonlyArray<{
        readonly message: string;
        readonly reason: string;
        readonly status: string;
        readonly type: string;
      }>;
      readonly lastTransitionTime: string;
      readonly message: string;
      readonly observedGeneration?: number;
      readonly reason: string;
      readonly status: string;
      readonly type: string;
      readonly warnings?: ReadonlyArray<{
        readonly message: string;
        readonly reason: string;
        readonly status: string;
        readonly type: string;
      }>;
    }>;
  };
}
