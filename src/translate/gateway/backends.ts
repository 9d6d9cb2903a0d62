import { fail } from "#lib/result";
import type { Result } from "#lib/result";
import type { Cluster, ClusterName, UpstreamProtocol } from "#model/cluster";
import type { Origin } from "#model/origin";
import type { Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { objectKey } from "#translate/facts";
import type { SecretName } from "#model/secret";
import { gatewayGroup } from "#translate/gateway/api";
import type { BackendReference } from "#translate/gateway/api";
import { backendTls } from "#translate/gateway/backend-tls";
import { mayRefer } from "#translate/gateway/reference-grants";
import { resolveService, serviceCluster } from "#translate/shared/services";
import type { ClusterOptions, ServiceTarget } from "#translate/shared/services";

/** Why a reference to a backend leads nowhere. */
export interface ReferenceProblem {
  readonly reason: "RefNotPermitted" | "InvalidKind" | "BackendNotFound" | "UnsupportedProtocol";
  readonly message: string;
}

/** The route whose backends are looked for, and from where they are called. */
export interface BackendCaller {
  readonly kind: "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute";
  readonly namespace: string;
  /** The certificate that the Gateway shows to backends. */
  readonly clientCertificate?: SecretName;
  /** The bytes that go on are the client's own TLS: nothing is put around them. */
  readonly passthrough?: boolean;
}

/** What the rules of one route may read, and where they gather clusters and references that lead nowhere. */
export class RouteVisit {
  readonly read: Reader;
  readonly settings: Settings;
  readonly caller: BackendCaller;
  readonly clusters = new Map<ClusterName, Cluster>();
  readonly referenceProblems: ReferenceProblem[] = [];
  /** Services that were found, whose policies this route shows: `namespace/name`. */
  readonly services = new Set<string>();

  constructor(read: Reader, settings: Settings, caller: BackendCaller) {
    this.read = read;
    this.settings = settings;
    this.caller = caller;
  }

  /** The cluster of a backend; absent, with a note why where the reference is at fault, when it leads nowhere. */
  resolve(reference: BackendReference, at: string, origin: Origin): ClusterName | undefined {
    const target = this.target(reference);
    if (!target.ok) {
      this.referenceProblems.push({ ...target.error, message: `${origin.field ?? "spec"}.${at}: ${target.error.message}` });
      return undefined;
    }
    const options = this.#options(target.value);
    if (options === undefined) return undefined;
    const cluster = serviceCluster(target.value, this.settings, options, origin);
    if (!this.clusters.has(cluster.name)) this.clusters.set(cluster.name, cluster);
    return cluster.name;
  }

  /** The port of a Service that a reference names. */
  target(reference: BackendReference): Result<ServiceTarget, ReferenceProblem> {
    const { group = "", kind = "Service", namespace = this.caller.namespace, name, port } = reference;
    const { kind: routeKind, namespace: own } = this.caller;
    if (group !== "" || kind !== "Service") return fail({ reason: "InvalidKind", message: `a backend must be a Service of the core group, not ${JSON.stringify(`${group}/${kind}`)}` });
    if (!mayRefer(this.read, { group: gatewayGroup, kind: routeKind, namespace: own }, { group, kind, namespace }, name)) return fail({ reason: "RefNotPermitted", message: `no ReferenceGrant in namespace ${JSON.stringify(namespace)} lets ${routeKind}s of ${JSON.stringify(own)} use Service ${JSON.stringify(name)}` });
    if (port === undefined) return fail({ reason: "BackendNotFound", message: `the port of Service ${JSON.stringify(name)} is missing; add it` });
    const target = resolveService(this.read, this.settings, namespace, name, port, routeKind === "UDPRoute" ? "UDP" : "TCP");
    if (!target.ok) return fail({ reason: "BackendNotFound", message: target.error.message });
    this.services.add(objectKey(namespace, name));
    const { appProtocol } = target.value;
    if (!isStream(routeKind) && isUnsupported(appProtocol)) return fail({ reason: "UnsupportedProtocol", message: `port ${port} of Service ${JSON.stringify(name)} has appProtocol ${JSON.stringify(appProtocol)}; of Kubernetes' own, kubernetes.io/h2c and kubernetes.io/ws are supported` });
    return target;
  }

  /** How the backend is spoken to; absent when its BackendTLSPolicy cannot be kept: never in clear instead. */
  #options(target: ServiceTarget): ClusterOptions | undefined {
    const { kind, clientCertificate, passthrough } = this.caller;
    const tls = passthrough === true ? undefined : backendTls(this.read, target);
    // Bytes go on as they are, whatever the Service says about HTTP.
    if (isStream(kind) && tls === undefined) return { protocol: "http1" };
    const shown = clientCertificate === undefined ? {} : { clientCertificate };
    const usual: UpstreamProtocol | undefined = target.protocol ?? (kind === "GRPCRoute" ? "h2c" : undefined);
    if (tls === undefined) return { ...(usual === undefined ? {} : { protocol: usual }), ...shown };
    if (!tls.ok) return undefined;
    return { protocol: usual === "h2c" || usual === "h2" ? "h2" : "tls", validation: tls.value.validation, sni: tls.value.sni, ...shown };
  }
}

function isStream(kind: BackendCaller["kind"]): boolean {
  return kind === "TLSRoute" || kind === "TCPRoute" || kind === "UDPRoute";
}

/** Protocols that Kubernetes defines must be understood; other names are for other programs and mean HTTP here. */
function isUnsupported(appProtocol: string | undefined): boolean {
  return appProtocol !== undefined && appProtocol.startsWith("kubernetes.io/") && appProtocol !== "kubernetes.io/h2c" && appProtocol !== "kubernetes.io/ws";
}
