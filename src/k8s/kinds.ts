import type { BackendTLSPolicy } from "#gen/k8s/backend-tls-policy";
import type { CertificateIssuer } from "#gen/k8s/certificate-issuer";
import type { ClusterCertificateIssuer } from "#gen/k8s/cluster-certificate-issuer";
import type { ConfigMap } from "#gen/k8s/config-map";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import type { ContourDeployment } from "#gen/k8s/contour-deployment";
import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import type { ExtensionService } from "#gen/k8s/extension-service";
import type { GatewayClass } from "#gen/k8s/gateway-class";
import type { Gateway } from "#gen/k8s/gateway";
import type { GRPCRoute } from "#gen/k8s/grpc-route";
import type { HTTPRoute } from "#gen/k8s/http-route";
import type { ReferenceGrant } from "#gen/k8s/reference-grant";
import type { HTTPProxy } from "#gen/k8s/http-proxy";
import type { IngressClass } from "#gen/k8s/ingress-class";
import type { Ingress } from "#gen/k8s/ingress";
import type { ListenerSet } from "#gen/k8s/listener-set";
import type { Namespace } from "#gen/k8s/namespace";
import type { Secret } from "#gen/k8s/secret";
import type { Service } from "#gen/k8s/service";
import type { TCPRoute } from "#gen/k8s/tcp-route";
import type { TLSCertificateDelegation } from "#gen/k8s/tls-certificate-delegation";
import type { TLSRoute } from "#gen/k8s/tls-route";
import type { TrafficPolicy } from "#gen/k8s/traffic-policy";
import type { UDPRoute } from "#gen/k8s/udp-route";

/** Where a kind lives in the Kubernetes API. */
export interface KindSpec {
  readonly kind: KindName;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Defined by a CustomResourceDefinition, so it may be absent from a cluster. */
  readonly crd: boolean;
  readonly hasStatus: boolean;
  /** Versions to read where the API server does not have `version` yet, the newest first. */
  readonly older?: readonly string[];
}

/** The type of each kind that Contour reads. */
export interface KindTypes {
  readonly Service: Service;
  readonly EndpointSlice: EndpointSlice;
  readonly Secret: Secret;
  readonly ConfigMap: ConfigMap;
  readonly Namespace: Namespace;
  readonly Ingress: Ingress;
  readonly IngressClass: IngressClass;
  readonly HTTPProxy: HTTPProxy;
  readonly TLSCertificateDelegation: TLSCertificateDelegation;
  readonly ExtensionService: ExtensionService;
  readonly ContourConfiguration: ContourConfiguration;
  readonly ContourDeployment: ContourDeployment;
  readonly TrafficPolicy: TrafficPolicy;
  readonly CertificateIssuer: CertificateIssuer;
  readonly ClusterCertificateIssuer: ClusterCertificateIssuer;
  readonly GatewayClass: GatewayClass;
  readonly Gateway: Gateway;
  readonly ListenerSet: ListenerSet;
  readonly HTTPRoute: HTTPRoute;
  readonly GRPCRoute: GRPCRoute;
  readonly TLSRoute: TLSRoute;
  readonly TCPRoute: TCPRoute;
  readonly UDPRoute: UDPRoute;
  readonly BackendTLSPolicy: BackendTLSPolicy;
  readonly ReferenceGrant: ReferenceGrant;
}

/** The kinds that Contour reads. */
export type KindName = keyof KindTypes;
/** The type of the objects of one kind. */
export type ObjectOf<K extends KindName> = KindTypes[K];

const core = { group: "", version: "v1", crd: false, namespaced: true, hasStatus: false } as const;
const contour = { group: "projectcontour.io", version: "v1", crd: true, namespaced: true, hasStatus: true } as const;
const gateway = { group: "gateway.networking.k8s.io", version: "v1", crd: true, namespaced: true, hasStatus: true } as const;

/** Every kind that Contour reads. */
export const kinds: Readonly<Record<KindName, KindSpec>> = {
  Service: { ...core, kind: "Service", plural: "services" },
  Secret: { ...core, kind: "Secret", plural: "secrets" },
  ConfigMap: { ...core, kind: "ConfigMap", plural: "configmaps" },
  Namespace: { ...core, kind: "Namespace", plural: "namespaces", namespaced: false },
  EndpointSlice: { ...core, kind: "EndpointSlice", group: "discovery.k8s.io", plural: "endpointslices" },
  Ingress: { ...core, kind: "Ingress", group: "networking.k8s.io", plural: "ingresses", hasStatus: true },
  IngressClass: { ...core, kind: "IngressClass", group: "networking.k8s.io", plural: "ingressclasses", namespaced: false },
  HTTPProxy: { ...contour, kind: "HTTPProxy", plural: "httpproxies" },
  TLSCertificateDelegation: { ...contour, kind: "TLSCertificateDelegation", plural: "tlscertificatedelegations" },
  ExtensionService: { ...contour, kind: "ExtensionService", version: "v1alpha1", plural: "extensionservices" },
  ContourConfiguration: { ...contour, kind: "ContourConfiguration", version: "v1alpha1", plural: "contourconfigurations" },
  ContourDeployment: { ...contour, kind: "ContourDeployment", version: "v1alpha1", plural: "contourdeployments" },
  TrafficPolicy: { ...contour, kind: "TrafficPolicy", version: "v1alpha1", plural: "trafficpolicies" },
  CertificateIssuer: { ...contour, kind: "CertificateIssuer", version: "v1alpha1", plural: "certificateissuers" },
  ClusterCertificateIssuer: { ...contour, kind: "ClusterCertificateIssuer", version: "v1alpha1", plural: "clustercertificateissuers", namespaced: false },
  GatewayClass: { ...gateway, kind: "GatewayClass", plural: "gatewayclasses", namespaced: false, older: ["v1beta1"] },
  Gateway: { ...gateway, kind: "Gateway", plural: "gateways", older: ["v1beta1"] },
  ListenerSet: { ...gateway, kind: "ListenerSet", plural: "listenersets" },
  HTTPRoute: { ...gateway, kind: "HTTPRoute", plural: "httproutes", older: ["v1beta1"] },
  GRPCRoute: { ...gateway, kind: "GRPCRoute", plural: "grpcroutes" },
  TLSRoute: { ...gateway, kind: "TLSRoute", plural: "tlsroutes", older: ["v1alpha3", "v1alpha2"] },
  TCPRoute: { ...gateway, kind: "TCPRoute", plural: "tcproutes", older: ["v1alpha2"] },
  UDPRoute: { ...gateway, kind: "UDPRoute", plural: "udproutes", older: ["v1alpha2"] },
  BackendTLSPolicy: { ...gateway, kind: "BackendTLSPolicy", plural: "backendtlspolicies", older: ["v1alpha3"] },
  ReferenceGrant: { ...gateway, kind: "ReferenceGrant", plural: "referencegrants", hasStatus: false, older: ["v1beta1"] },
};

/** The kind of an object, from its apiVersion and kind; absent when Contour does not read it. */
export function kindOf(apiVersion: string, kind: string): KindSpec | undefined {
  const spec = Object.hasOwn(kinds, kind) ? kinds[kind as KindName] : undefined;
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  return spec?.group === group ? spec : undefined;
}
