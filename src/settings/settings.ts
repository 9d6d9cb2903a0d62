import type { ContourConfiguration } from "#gen/k8s/contour-configuration";

type Configuration = ContourConfiguration["spec"];

/** Where TLS certificates of the fallback and of clients come from. */
export interface SecretReference {
  readonly namespace: string;
  readonly name: string;
}

/** Where Envoy accepts plain and TLS connections for Ingress and HTTPProxy hosts. */
export interface ServiceAddress {
  readonly address: string;
  readonly port: number;
}

/** What an operator chooses for translation. Every value has a default in `defaultSettings`. */
export interface Settings {
  /** Classes that Ingresses and HTTPProxies must name; empty accepts those without a class and those of class `contour`. */
  readonly ingressClassNames: readonly string[];
  /** Namespaces in which root HTTPProxies count; empty is all. */
  readonly rootNamespaces: readonly string[];
  readonly fallbackCertificate?: SecretReference;
  /** For hosts that ask for TLS and name no Secret. */
  readonly defaultCertificate?: SecretReference;
  /** Which OCSP responders are asked about certificates that name one. */
  readonly ocspResponders: "none" | "public" | "all";
  readonly http: ServiceAddress;
  readonly https: ServiceAddress;
  readonly useProxyProtocol: boolean;
  /** Whether hosts with TLS can be asked by HTTP/3, too; not where a PROXY protocol header is expected. */
  readonly http3: boolean;
  /** Makes `permitInsecure` of HTTPProxy have no effect. */
  readonly disablePermitInsecure: boolean;
  readonly enableExternalNameService: boolean;
  /** Milliseconds to wait for a TCP connection to an endpoint. */
  readonly connectTimeoutMs: number;
  readonly minimumTlsVersion: "1.2" | "1.3";
  readonly maximumTlsVersion: "1.2" | "1.3";
  /** TLS of connections to backends. */
  readonly upstreamTls: { readonly minimumVersion: "1.2" | "1.3"; readonly maximumVersion: "1.2" | "1.3" };
  /** The certificate that Envoy shows to backends that it speaks TLS with. */
  readonly clientCertificate?: SecretReference;
  /** Limits on what is in flight to a backend, where its Service says nothing. */
  readonly circuitBreakers: NonNullable<NonNullable<NonNullable<Configuration["envoy"]>["cluster"]>["circuitBreakers"]>;
  /** Whether Envoy connects to the pods behind a Service, or to its cluster IP; a Service's own annotation comes first. */
  readonly upstreamAddresses: "endpoints" | "cluster-ip";
  /** Of pods and Services with addresses of both families: which one is used while it has ready ones. `any` uses all. */
  readonly preferredAddressFamily: "any" | "v4" | "v6";
  /** Which addresses of a DNS name are used. */
  readonly dnsLookupFamily: "auto" | "v4" | "v6" | "all";
  /** Asked about all requests; hosts and routes may opt out, or have one of their own. As ContourConfiguration has it. */
  readonly globalAuthorization?: NonNullable<Configuration["globalExtAuth"]>;
  /** ExtensionServices that every Envoy calls by itself, for traces and logs: their clusters. */
  readonly telemetryClusters: readonly string[];
  /** Counts requests for all Envoys together. As ContourConfiguration has it. */
  readonly rateLimitService?: NonNullable<Configuration["rateLimitService"]>;
  /** Header changes for all backends, where an object says nothing about that header. As ContourConfiguration has it. */
  readonly headerPolicy?: NonNullable<Configuration["policy"]>;
  /** What happens when several roots name one host: none serves it, or the oldest does. */
  readonly duplicateHosts: "all-invalid" | "first-wins";
  /** What a wrong route takes with it: only its own requests, or its whole object with all that it includes, as in Go Contour. */
  readonly routeErrors: "isolate" | "discard-object";
  /** Port of the HTTPS redirect, and of HTTP/3, when clients see another port than 443; absent for 443. */
  readonly publicHttpsPort?: number;
  /** The Gateway whose listeners serve Ingresses and HTTPProxies; absent where they have listeners of their own. */
  readonly gatewayRef?: { readonly namespace: string; readonly name: string };
  /** The controller name of GatewayClasses that are ours. */
  readonly gatewayControllerName: string;
  /** The Envoy port that serves a Gateway listener's port. */
  readonly gatewayPort: (port: number) => number;
  /** Whether Gateways share the common Envoys and their ports, have an address of their own there (`contour run`), or Envoys of their own. */
  readonly gatewaySites: "shared" | "own-address" | "own-fleet";
  /** Where Envoys are made that several Gateways share, and where orders of certificates are kept. */
  readonly controllerNamespace: string;
  /** Gateways' listeners bind here. */
  readonly gatewayAddress: string;
  /** Whether a Gateway is programmed only when Envoys have taken its listeners; without Envoys (`contour translate`) at once. */
  readonly awaitEnvoys: boolean;
  /** Whether hosts that want TLS and name no Secret get a certificate of the local authority (`contour run`). */
  readonly localCertificates: boolean;
}

/** The Envoy port for a Gateway listener's port as in Go Contour: 8000 above it, wrapped below 65536, never privileged. */
export function gatewayEnvoyPort(port: number): number {
  const shifted = (port + 8000) % 65536;
  return shifted < 1024 ? shifted + 1023 : shifted;
}

/** The settings of an unconfigured controller, as Go Contour's. */
export const defaultSettings: Settings = {
  ingressClassNames: [],
  rootNamespaces: [],
  ocspResponders: "none",
  http: { address: "0.0.0.0", port: 8080 },
  https: { address: "0.0.0.0", port: 8443 },
  useProxyProtocol: false,
  http3: false,
  disablePermitInsecure: false,
  enableExternalNameService: false,
  connectTimeoutMs: 2000,
  minimumTlsVersion: "1.2",
  maximumTlsVersion: "1.3",
  // Envoy by itself would stop at 1.2.
  upstreamTls: { minimumVersion: "1.2", maximumVersion: "1.3" },
  circuitBreakers: {},
  telemetryClusters: [],
  upstreamAddresses: "endpoints",
  preferredAddressFamily: "any",
  dnsLookupFamily: "auto",
  duplicateHosts: "all-invalid",
  routeErrors: "isolate",
  gatewayControllerName: "projectcontour.io/gateway-controller",
  gatewayPort: gatewayEnvoyPort,
  gatewaySites: "shared",
  controllerNamespace: "projectcontour",
  gatewayAddress: "0.0.0.0",
  awaitEnvoys: false,
  localCertificates: false,
};
