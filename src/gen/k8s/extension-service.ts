import type { ObjectMeta } from "#k8s/object";

export interface ExtensionService {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly circuitBreakerPolicy?: {
      readonly maxConnections?: number;
      readonly maxPendingRequests?: number;
      readonly maxRequests?: number;
      readonly maxRetries?: number;
      readonly perHostMaxConnections?: number;
    };
    readonly loadBalancerPolicy?: {
      readonly requestHashPolicies?: ReadonlyArray<{
        readonly hashSourceIP?: boolean;
        readonly headerHashOptions?: {
          readonly headerName: string;
        };
        readonly queryParameterHashOptions?: {
          readonly parameterName: string;
        };
        readonly terminal?: boolean;
      }>;
      readonly strategy?: string;
    };
    readonly protocol?: string;
    readonly protocolVersion?: string;
    readonly services: ReadonlyArray<{
      readonly name: string;
      readonly port: number;
      readonly weight?: number;
    }>;
    readonly timeoutPolicy?: {
      readonly idle?: string;
      readonly idleConnection?: string;
      readonly response?: string;
    };
    readonly validation?: {
      readonly caSecret: string;
      readonly subjectName: string;
      readonly subjectNames?: readonly string[];
    };
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
