import type { ObjectMeta } from "#k8s/object";

export interface HTTPProxy {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly includes?: ReadonlyArray<{
      readonly conditions?: ReadonlyArray<{
        readonly exact?: string;
        readonly header?: {
          readonly contains?: string;
          readonly exact?: string;
          readonly ignoreCase?: boolean;
          readonly name: string;
          readonly notcontains?: string;
          readonly notexact?: string;
          readonly notpresent?: boolean;
          readonly present?: boolean;
          readonly regex?: string;
          readonly treatMissingAsEmpty?: boolean;
        };
        readonly prefix?: string;
        readonly queryParameter?: {
          readonly contains?: string;
          readonly exact?: string;
          readonly ignoreCase?: boolean;
          readonly name: string;
          readonly prefix?: string;
          readonly present?: boolean;
          readonly regex?: string;
          readonly suffix?: string;
        };
        readonly regex?: string;
      }>;
      readonly name: string;
      readonly namespace?: string;
    }>;
    readonly ingressClassName?: string;
    readonly routes?: ReadonlyArray<{
      readonly authPolicy?: {
        readonly context?: Readonly<Record<string, string>>;
        readonly disabled?: boolean;
      };
      readonly conditions?: ReadonlyArray<{
        readonly exact?: string;
        readonly header?: {
          readonly contains?: string;
          readonly exact?: string;
          readonly ignoreCase?: boolean;
          readonly name: string;
          readonly notcontains?: string;
          readonly notexact?: string;
          readonly notpresent?: boolean;
          readonly present?: boolean;
          readonly regex?: string;
          readonly treatMissingAsEmpty?: boolean;
        };
        readonly prefix?: string;
        readonly queryParameter?: {
          readonly contains?: string;
          readonly exact?: string;
          readonly ignoreCase?: boolean;
          readonly name: string;
          readonly prefix?: string;
          readonly present?: boolean;
          readonly regex?: string;
          readonly suffix?: string;
        };
        readonly regex?: string;
      }>;
      readonly cookieRewritePolicies?: ReadonlyArray<{
        readonly domainRewrite?: {
          readonly value: string;
        };
        readonly name: string;
        readonly pathRewrite?: {
          readonly value: string;
        };
        readonly sameSite?: string;
        readonly secure?: boolean;
      }>;
      readonly directResponsePolicy?: {
        readonly body?: string;
        readonly statusCode: number;
      };
      readonly enableWebsockets?: boolean;
      readonly healthCheckPolicy?: {
        readonly expectedStatuses?: ReadonlyArray<{
          readonly end: number;
          readonly start: number;
        }>;
        readonly healthyThresholdCount?: number;
        readonly host?: string;
        readonly intervalSeconds?: number;
        readonly path: string;
        readonly timeoutSeconds?: number;
        readonly unhealthyThresholdCount?: number;
      };
      readonly internalRedirectPolicy?: {
        readonly allowCrossSchemeRedirect?: string;
        readonly denyRepeatedRouteRedirect?: boolean;
        readonly maxInternalRedirects?: number;
        readonly redirectResponseCodes?: readonly number[];
      };
      readonly ipAllowPolicy?: ReadonlyArray<{
        readonly cidr: string;
        readonly source: string;
      }>;
      readonly ipDenyPolicy?: ReadonlyArray<{
        readonly cidr: string;
        readonly source: string;
      }>;
      readonly jwtVerificationPolicy?: {
        readonly disabled?: boolean;
        readonly require?: string;
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
      readonly pathRewritePolicy?: {
        readonly replacePrefix?: ReadonlyArray<{
          readonly prefix?: string;
          readonly replacement: string;
        }>;
      };
      readonly permitInsecure?: boolean;
      readonly rateLimitPolicy?: {
        readonly global?: {
          readonly descriptors?: ReadonlyArray<{
            readonly entries: ReadonlyArray<{
              readonly genericKey?: {
                readonly key?: string;
                readonly value: string;
              };
              readonly remoteAddress?: Readonly<Record<string, unknown>>;
              readonly requestHeader?: {
                readonly descriptorKey: string;
                readonly headerName: string;
              };
              readonly requestHeaderValueMatch?: {
                readonly expectMatch?: boolean;
                readonly headers?: ReadonlyArray<{
                  readonly contains?: string;
                  readonly exact?: string;
                  readonly ignoreCase?: boolean;
                  readonly name: string;
                  readonly notcontains?: string;
                  readonly notexact?: string;
                  readonly notpresent?: boolean;
                  readonly present?: boolean;
                  readonly regex?: string;
                  readonly treatMissingAsEmpty?: boolean;
                }>;
                readonly value: string;
              };
            }>;
          }>;
          readonly disabled?: boolean;
        };
        readonly local?: {
          readonly burst?: number;
          readonly requests: number;
          readonly responseHeadersToAdd?: ReadonlyArray<{
            readonly name: string;
            readonly value: string;
          }>;
          readonly responseStatusCode?: number;
          readonly unit: string;
        };
      };
      readonly requestHeadersPolicy?: {
        readonly remove?: readonly string[];
        readonly set?: ReadonlyArray<{
          readonly name: string;
          readonly value: string;
        }>;
      };
      readonly requestRedirectPolicy?: {
        readonly hostname?: string;
        readonly path?: string;
        readonly port?: number;
        readonly prefix?: string;
        readonly scheme?: string;
        readonly statusCode?: number;
      };
      readonly responseHeadersPolicy?: {
        readonly remove?: readonly string[];
        readonly set?: ReadonlyArray<{
          readonly name: string;
          readonly value: string;
        }>;
      };
      readonly retryPolicy?: {
        readonly count?: number;
        readonly perTryTimeout?: string;
        readonly retriableStatusCodes?: readonly number[];
        readonly retryOn?: readonly string[];
      };
      readonly services?: ReadonlyArray<{
        readonly cookieRewritePolicies?: ReadonlyArray<{
          readonly domainRewrite?: {
            readonly value: string;
          };
          readonly name: string;
          readonly pathRewrite?: {
            readonly value: string;
          };
          readonly sameSite?: string;
          readonly secure?: boolean;
        }>;
        readonly healthPort?: number;
        readonly mirror?: boolean;
        readonly name: string;
        readonly port: number;
        readonly protocol?: string;
        readonly requestHeadersPolicy?: {
          readonly remove?: readonly string[];
          readonly set?: ReadonlyArray<{
            readonly name: string;
            readonly value: string;
          }>;
        };
        readonly responseHeadersPolicy?: {
          readonly remove?: readonly string[];
          readonly set?: ReadonlyArray<{
            readonly name: string;
            readonly value: string;
          }>;
        };
        readonly slowStartPolicy?: {
          readonly aggression?: string;
          readonly minWeightPercent?: number;
          readonly window: string;
        };
        readonly validation?: {
          readonly caSecret: string;
          readonly subjectName: string;
          readonly subjectNames?: readonly string[];
        };
        readonly weight?: number;
      }>;
      readonly timeoutPolicy?: {
        readonly idle?: string;
        readonly idleConnection?: string;
        readonly response?: string;
      };
    }>;
    readonly tcpproxy?: {
      readonly healthCheckPolicy?: {
        readonly healthyThresholdCount?: number;
        readonly intervalSeconds?: number;
        readonly timeoutSeconds?: number;
        readonly unhealthyThresholdCount?: number;
      };
      readonly include?: {
        readonly name: string;
        readonly namespace?: string;
      };
      readonly includes?: {
        readonly name: string;
        readonly namespace?: string;
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
      readonly services?: ReadonlyArray<{
        readonly cookieRewritePolicies?: ReadonlyArray<{
          readonly domainRewrite?: {
            readonly value: string;
          };
          readonly name: string;
          readonly pathRewrite?: {
            readonly value: string;
          };
          readonly sameSite?: string;
          readonly secure?: boolean;
        }>;
        readonly healthPort?: number;
        readonly mirror?: boolean;
        readonly name: string;
        readonly port: number;
        readonly protocol?: string;
        readonly requestHeadersPolicy?: {
          readonly remove?: readonly string[];
          readonly set?: ReadonlyArray<{
            readonly name: string;
            readonly value: string;
          }>;
        };
        readonly responseHeadersPolicy?: {
          readonly remove?: readonly string[];
          readonly set?: ReadonlyArray<{
            readonly name: string;
            readonly value: string;
          }>;
        };
        readonly slowStartPolicy?: {
          readonly aggression?: string;
          readonly minWeightPercent?: number;
          readonly window: string;
        };
        readonly validation?: {
          readonly caSecret: string;
          readonly subjectName: string;
          readonly subjectNames?: readonly string[];
        };
        readonly weight?: number;
      }>;
    };
    readonly virtualhost?: {
      readonly authorization?: {
        readonly authPolicy?: {
          readonly context?: Readonly<Record<string, string>>;
          readonly disabled?: boolean;
        };
        readonly extensionRef?: {
          readonly apiVersion?: string;
          readonly name?: string;
          readonly namespace?: string;
        };
        readonly failOpen?: boolean;
        readonly httpSettings?: {
          readonly allowedAuthorizationHeaders?: ReadonlyArray<{
            readonly contains?: string;
            readonly exact?: string;
            readonly ignoreCase?: boolean;
            readonly prefix?: string;
            readonly suffix?: string;
          }>;
          readonly allowedUpstreamHeaders?: ReadonlyArray<{
            readonly contains?: string;
            readonly exact?: string;
            readonly ignoreCase?: boolean;
            readonly prefix?: string;
            readonly suffix?: string;
          }>;
          readonly pathPrefix?: string;
        };
        readonly responseTimeout?: string;
        readonly serviceType?: string;
        readonly withRequestBody?: {
          readonly allowPartialMessage?: boolean;
          readonly maxRequestBytes?: number;
          readonly packAsBytes?: boolean;
        };
      };
      readonly corsPolicy?: {
        readonly allowCredentials?: boolean;
        readonly allowHeaders?: readonly string[];
        readonly allowMethods: readonly string[];
        readonly allowOrigin: readonly string[];
        readonly allowPrivateNetwork?: boolean;
        readonly exposeHeaders?: readonly string[];
        readonly maxAge?: string;
      };
      readonly fqdn: string;
      readonly ipAllowPolicy?: ReadonlyArray<{
        readonly cidr: string;
        readonly source: string;
      }>;
      readonly ipDenyPolicy?: ReadonlyArray<{
        readonly cidr: string;
        readonly source: string;
      }>;
      readonly jwtProviders?: ReadonlyArray<{
        readonly audiences?: readonly string[];
        readonly default?: boolean;
        readonly forwardJWT?: boolean;
        readonly issuer?: string;
        readonly localJWKS?: {
          readonly key: string;
          readonly secretName: string;
        };
        readonly name: string;
        readonly remoteJWKS?: {
          readonly cacheDuration?: string;
          readonly dnsLookupFamily?: string;
          readonly timeout?: string;
          readonly uri: string;
          readonly validation?: {
            readonly caSecret: string;
            readonly subjectName: string;
            readonly subjectNames?: readonly string[];
          };
        };
      }>;
      readonly rateLimitPolicy?: {
        readonly global?: {
          readonly descriptors?: ReadonlyArray<{
            readonly entries: ReadonlyArray<{
              readonly genericKey?: {
                readonly key?: string;
                readonly value: string;
              };
              readonly remoteAddress?: Readonly<Record<string, unknown>>;
              readonly requestHeader?: {
                readonly descriptorKey: string;
                readonly headerName: string;
              };
              readonly requestHeaderValueMatch?: {
                readonly expectMatch?: boolean;
                readonly headers?: ReadonlyArray<{
                  readonly contains?: string;
                  readonly exact?: string;
                  readonly ignoreCase?: boolean;
                  readonly name: string;
                  readonly notcontains?: string;
                  readonly notexact?: string;
                  readonly notpresent?: boolean;
                  readonly present?: boolean;
                  readonly regex?: string;
                  readonly treatMissingAsEmpty?: boolean;
                }>;
                readonly value: string;
              };
            }>;
          }>;
          readonly disabled?: boolean;
        };
        readonly local?: {
          readonly burst?: number;
          readonly requests: number;
          readonly responseHeadersToAdd?: ReadonlyArray<{
            readonly name: string;
            readonly value: string;
          }>;
          readonly responseStatusCode?: number;
          readonly unit: string;
        };
      };
      readonly tls?: {
        readonly clientValidation?: {
          readonly caSecret?: string;
          readonly crlOnlyVerifyLeafCert?: boolean;
          readonly crlSecret?: string;
          readonly forwardClientCertificate?: {
            readonly cert?: boolean;
            readonly chain?: boolean;
            readonly dns?: boolean;
            readonly subject?: boolean;
            readonly uri?: boolean;
          };
          readonly optionalClientCertificate?: boolean;
          readonly skipClientCertValidation?: boolean;
        };
        readonly enableFallbackCertificate?: boolean;
        readonly maximumProtocolVersion?: string;
        readonly minimumProtocolVersion?: string;
        readonly passthrough?: boolean;
        readonly secretName?: string;
      };
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
    readonly currentStatus?: string;
    readonly description?: string;
    readonly loadBalancer?: {
      readonly ingress?: ReadonlyArray<{
        readonly hostname?: string;
        readonly ip?: string;
        readonly ipMode?: string;
        readonly ports?: ReadonlyArray<{
          readonly error?: string;
          readonly port: number;
          readonly protocol: string;
        }>;
      }>;
    };
  };
}
