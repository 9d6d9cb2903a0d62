import type { HttpProxyProblem } from "#conditions/http-proxy";
import type { Problem } from "#conditions/problem";
import type { Cluster, ClusterName, Endpoints, EndpointsName } from "#model/cluster";
import type { Guard, Listener, TlsHost } from "#model/listener";
import type { TimeoutSetting, VirtualHost } from "#model/route";
import type { CertificateSecret } from "#model/secret";
import type { KindName, ObjectOf } from "#k8s/kinds";
import { family } from "#store/family";
import type { Family } from "#store/family";

const objectFamilies = new Map<KindName, Family<unknown>>();

/** The objects of a kind: bucket `namespace/name`, at most one item. Sources put them in; a source reports real changes only. */
export function objects<K extends KindName>(kind: K): Family<ObjectOf<K>> {
  let found = objectFamilies.get(kind);
  if (found === undefined) objectFamilies.set(kind, (found = family<unknown>(`object:${kind}`, (a, b) => a === b)));
  return found as Family<ObjectOf<K>>;
}

/** The bucket of an object or reference. Cluster-scoped objects have an empty namespace. */
export function objectKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** An object that wants to say something about a host of the Ingress and HTTPProxy listeners. */
export interface HostClaim {
  readonly kind: "Ingress" | "HTTPProxy";
  readonly namespace: string;
  readonly name: string;
}

/** Bucket: lower-case host, `*` for any host. */
export const hostClaims = family<HostClaim>("host-claim");

/** What one unit found out about an HTTPProxy: that it is reached from a root, and what is wrong with it. */
export interface ProxyReport {
  readonly problems: readonly HttpProxyProblem[];
  /** Whether a valid chain of includes leads here from a root, or it is a root. */
  readonly reached: boolean;
}

/** HTTPProxies whose class is ours. Bucket: `namespace/name`. */
export const ourProxies = family<import("#gen/k8s/http-proxy").HTTPProxy>("our-proxy", (a, b) => a === b);
/** Bucket: `namespace/name` of the HTTPProxy. */
export const proxyReports = family<ProxyReport>("proxy-report");

/** Something wrong with an Ingress, whose status has no place for it. */
export interface IngressProblem {
  /** A warning where it works all the same; an error unless said. */
  readonly severity?: "error" | "warning";
  readonly field: string;
  readonly message: string;
}
/** Problems of Ingresses; shown by `translate`, `run` and logs. Bucket: `namespace/name`. */
export const ingressProblems = family<IngressProblem>("ingress-problem");
/** Ingresses whose class is ours. Bucket: `namespace/name`. */
export const ourIngresses = family<import("#gen/k8s/ingress").Ingress>("our-ingress", (a, b) => a === b);

// The names of what Envoy gets are qualified by its fleet (see `inFleet`) where they are buckets.

/** Exact hosts. Bucket: `listener|host`. */
export const virtualHosts = family<VirtualHost>("virtual-host");
/** Hosts with a wildcard, and `*`. Bucket: listener. */
export const wildcardHosts = family<VirtualHost>("wildcard-host");
/** Bucket: `listener|host`; the fallback of a listener has no host. Emitted by `emitTlsHost`. */
export const tlsHosts = family<TlsHost>("tls-host");
/** Bucket: listener name. */
export const listeners = family<Listener>("listener");
/** Bucket: cluster name. Several units may want the same cluster; equal names are equal clusters but for their origin. */
export const clusters = family<Cluster>("cluster");
/** Guards that hosts without TLS need on the connections which they share with all others. Bucket: listener. */
export const sharedGuards = family<Guard>("shared-guard");
/** A service that Envoy itself calls: for authorization, limits or traces. */
export interface CallableService {
  readonly cluster: ClusterName;
  readonly protocol: "h2" | "h2c" | "http1";
  /** The name that it is called by over HTTP. */
  readonly host: string;
  /** How long an answer may take; absent for the default of who calls. */
  readonly responseTimeout?: TimeoutSetting;
}
/** ExtensionServices that can be called. Bucket: `namespace/name`. */
export const callableServices = family<CallableService>("callable-service");
/** What is wrong with ExtensionServices. Bucket: `namespace/name`. */
export const extensionProblems = family<Problem>("extension-problem");
/** Clusters over several Services. Bucket: endpoints name. */
export const weightedServices = family<{ readonly groups: readonly { readonly endpoints: EndpointsName; readonly weight: number }[]; /** The weight of what goes nowhere. */ readonly dropped?: number }>("weighted-services");
/** Addresses that some cluster needs. Bucket: endpoints name. */
export const endpointsWanted = family<true>("endpoints-wanted");
/** Bucket: endpoints name. */
export const endpoints = family<Endpoints>("endpoints");
/** EndpointSlices of a Service. Bucket: `namespace/service`. */
export const slicesOfService = family<import("#gen/k8s/endpoint-slice").EndpointSlice>("slice-of-service", (a, b) => a === b);
/** Certificates that some TLS host serves. Bucket: secret name (`namespace/name`). */
export const certificatesWanted = family<CertificateSecret>("certificate-wanted");
/** The time, in milliseconds since 1970, at which a Secret was looked at last because of it: one of its moments passed, or what it holds was replaced. Bucket: `namespace/name`. Put in by the composition root, which has the clock. */
export const secretTimes = family<number>("secret-time");
/** What a Secret held before what it holds now, if that could be served. Bucket: `namespace/name`. Put in by the composition root, which remembers. */
export const lastGoodCertificates = family<{ readonly uid: string | undefined; readonly certificate: import("#translate/secrets/certificate").ServingCertificate }>("last-good-certificate");
/** What responders answered about certificates. Bucket: `namespace/name` of the Secret. Put in by the composition root, which asks them. */
export const fetchedStaples = family<Uint8Array>("fetched-staple");
/** Secrets that keep what is known of orders at ACME servers. Bucket: `namespace/name`. */
export const orderSecrets = family<true>("order-secret");
/** Secrets that a TLS host names and that do not exist; the item is the host. `contour run` fills them from its local authority. Bucket: `namespace/name`. */
export const missingCertificates = family<string>("missing-certificate");

/** How an endpoints name is made: `namespace/service`, the port's name, and the health check's port where it differs. */
export function endpointsName(namespace: string, service: string, portName: string, healthPortName?: string): EndpointsName {
  const name = portName === "" ? `${namespace}/${service}` : `${namespace}/${service}/${portName}`;
  return healthPortName === undefined || healthPortName === portName ? name : `${name}+health/${healthPortName}`;
}

/** Marks the name of what is to be the Service's cluster IP instead of its pods. */
export const clusterIpMark = "+cluster-ip";

/** What the status subresource of an object should say. Conditions lack lastTransitionTime: the writer keeps or sets it. */
export interface DesiredStatus {
  readonly kind: KindName;
  readonly namespace: string;
  readonly name: string;
  /** The generation that this status speaks about. */
  readonly generation: number;
  readonly status: Readonly<Record<string, unknown>>;
}

/** Bucket: `kind/namespace/name`. */
export const statuses = family<DesiredStatus>("status");

/** Whether the API server has the standard CRDs of Gateway API, which lack experimental fields. One bucket, "". Put in by the composition root. */
export const standardApi = family<true>("standard-gateway-api");

/** Envoy listeners that some Envoy of their fleet has taken. Bucket: listener name. Put in by the composition root. */
export const takenListeners = family<true>("taken-listener");

/** Whether Envoys of a fleet serve that are connected to other replicas, and none of them to this one. Bucket: the fleet. Put in by the composition root. */
export const servedElsewhere = family<true>("served-elsewhere");

/** Addresses under which clients reach the Envoys of a fleet, as Kubernetes writes them. Bucket: the fleet. Put in by the composition root. */
export const loadBalancerAddresses = family<{ readonly ip?: string; readonly hostname?: string }>("load-balancer-address");
