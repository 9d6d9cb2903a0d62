import type { KubeObject, ObjectMeta } from "#k8s/object";
import type { Family } from "#store/family";
import { objects } from "#translate/facts";

/** The API group of all of Gateway API. */
export const gatewayGroup = "gateway.networking.k8s.io";

/** Names an object of any kind; what is absent is as for the object that holds the reference. */
export interface ApiReference {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
}

interface Typed<Spec> extends KubeObject {
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
}

/** Says which controller serves the Gateways of a class. */
export type GatewayClass = Typed<{ readonly controllerName: string; readonly parametersRef?: ApiReference }>;

/** A label selector of Kubernetes. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

/** One entry of a Gateway's listeners. */
export interface GatewayListener {
  readonly name: string;
  readonly hostname?: string;
  readonly port: number;
  readonly protocol: string;
  readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly ApiReference[]; readonly options?: Readonly<Record<string, string>> };
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: string; readonly selector?: LabelSelector };
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[];
  };
}

/** Where traffic comes in. */
export type Gateway = Typed<{
  readonly gatewayClassName: string;
  readonly listeners: readonly GatewayListener[];
  readonly addresses?: readonly { readonly type?: string; readonly value?: string }[];
  readonly allowedListeners?: { readonly namespaces?: { readonly from?: string; readonly selector?: LabelSelector } };
  readonly infrastructure?: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>>; readonly parametersRef?: ApiReference };
  readonly tls?: {
    readonly backend?: { readonly clientCertificateRef?: ApiReference };
    readonly frontend?: { readonly default?: FrontendTls; readonly perPort?: readonly { readonly port: number; readonly tls: FrontendTls }[] };
  };
}>;

/** How clients of HTTPS listeners prove who they are. */
export interface FrontendTls {
  readonly validation?: { readonly caCertificateRefs: readonly ApiReference[]; readonly mode?: string };
}

/** More listeners for a Gateway, owned by someone else. */
export type ListenerSet = Typed<{ readonly parentRef: ApiReference; readonly listeners: readonly GatewayListener[] }>;

/** What a route attaches to. */
export interface ParentReference extends ApiReference {
  readonly sectionName?: string;
  readonly port?: number;
}

/** A test of a header or query parameter. */
export interface NamedValueMatch {
  readonly type?: string;
  readonly name: string;
  readonly value: string;
}

/** One alternative of what a rule matches. */
export interface HttpRouteMatch {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly headers?: readonly NamedValueMatch[];
  readonly queryParams?: readonly NamedValueMatch[];
  readonly method?: string;
}

/** Changes to headers. */
export interface HeaderModifier {
  readonly set?: readonly { readonly name: string; readonly value: string }[];
  readonly add?: readonly { readonly name: string; readonly value: string }[];
  readonly remove?: readonly string[];
}

/** A change to the path. */
export interface PathModifier {
  readonly type: string;
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

/** A reference to what serves requests. */
export interface BackendReference extends ApiReference {
  readonly port?: number;
}

/** One step of what a rule does with a request; `type` says which other field counts. */
export interface HttpRouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderModifier;
  readonly responseHeaderModifier?: HeaderModifier;
  readonly requestMirror?: { readonly backendRef: BackendReference; readonly percent?: number; readonly fraction?: { readonly numerator: number; readonly denominator?: number } };
  readonly requestRedirect?: { readonly scheme?: string; readonly hostname?: string; readonly path?: PathModifier; readonly port?: number; readonly statusCode?: number };
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier };
  readonly cors?: {
    readonly allowOrigins?: readonly string[];
    readonly allowCredentials?: boolean;
    readonly allowMethods?: readonly string[];
    readonly allowHeaders?: readonly string[];
    readonly exposeHeaders?: readonly string[];
    readonly maxAge?: number;
  };
}

/** A backend with its share of the requests. */
export interface HttpBackendReference extends BackendReference {
  readonly weight?: number;
  readonly filters?: readonly HttpRouteFilter[];
}

/** One rule of an HTTPRoute. */
export interface HttpRouteRule {
  readonly name?: string;
  readonly matches?: readonly HttpRouteMatch[];
  readonly filters?: readonly HttpRouteFilter[];
  readonly backendRefs?: readonly HttpBackendReference[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly sessionPersistence?: SessionPersistenceSpec;
  readonly retry?: { readonly codes?: readonly number[]; readonly attempts?: number; readonly backoff?: string };
}

/** Where HTTP requests go. */
export type HttpRoute = Typed<{
  readonly parentRefs?: readonly ParentReference[];
  readonly hostnames?: readonly string[];
  readonly rules?: readonly HttpRouteRule[];
}>;

/** How the requests of a session are marked (GEP-1619). */
export interface SessionPersistenceSpec {
  readonly sessionName?: string;
  readonly absoluteTimeout?: string;
  readonly type?: string;
  readonly cookieConfig?: { readonly lifetimeType?: string };
}

/** One rule of a GRPCRoute. */
export interface GrpcRouteRule {
  readonly sessionPersistence?: SessionPersistenceSpec;
  readonly name?: string;
  readonly matches?: readonly GrpcRouteMatch[];
  readonly filters?: readonly HttpRouteFilter[];
  readonly backendRefs?: readonly HttpBackendReference[];
}

/** One alternative of the calls that a rule matches. */
export interface GrpcRouteMatch {
  readonly method?: { readonly type?: string; readonly service?: string; readonly method?: string };
  readonly headers?: readonly NamedValueMatch[];
}

/** Where gRPC calls go. */
export type GrpcRoute = Typed<{
  readonly parentRefs?: readonly ParentReference[];
  readonly hostnames?: readonly string[];
  readonly rules?: readonly GrpcRouteRule[];
}>;

/** Where connections, or datagrams, go: TLSRoute, TCPRoute and UDPRoute. Only TLSRoutes name hosts. */
export type StreamRoute = Typed<{
  readonly parentRefs?: readonly ParentReference[];
  readonly hostnames?: readonly string[];
  readonly rules?: readonly { readonly name?: string; readonly backendRefs?: readonly (BackendReference & { readonly weight?: number })[] }[];
}>;

/** How TLS to a Service is checked. */
export type BackendTlsPolicy = Typed<{
  readonly targetRefs: readonly (ApiReference & { readonly sectionName?: string })[];
  readonly validation: {
    readonly caCertificateRefs?: readonly ApiReference[];
    readonly wellKnownCACertificates?: string;
    readonly hostname: string;
    readonly subjectAltNames?: readonly { readonly type: string; readonly hostname?: string; readonly uri?: string }[];
  };
  readonly options?: Readonly<Record<string, string>>;
}>;

/** Lets objects of other namespaces refer to objects of its own. */
export type ReferenceGrant = Typed<{
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
}>;

/** The objects of Gateway API with their types; the schema of their CRDs was checked where they came in. */
export const gatewayClasses = objects("GatewayClass") as unknown as Family<GatewayClass>;
export const gateways = objects("Gateway") as unknown as Family<Gateway>;
export const listenerSets = objects("ListenerSet") as unknown as Family<ListenerSet>;
export const httpRoutes = objects("HTTPRoute") as unknown as Family<HttpRoute>;
export const grpcRoutes = objects("GRPCRoute") as unknown as Family<GrpcRoute>;
export const tlsRoutes = objects("TLSRoute") as unknown as Family<StreamRoute>;
export const tcpRoutes = objects("TCPRoute") as unknown as Family<StreamRoute>;
export const udpRoutes = objects("UDPRoute") as unknown as Family<StreamRoute>;
export const backendTlsPolicies = objects("BackendTLSPolicy") as unknown as Family<BackendTlsPolicy>;
export const referenceGrants = objects("ReferenceGrant") as unknown as Family<ReferenceGrant>;
