import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Cluster, ClusterName } from "#model/cluster";
import type { Origin } from "#model/origin";
import type { Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { gatewayGroup } from "#translate/gateway/api";
import type { BackendReference } from "#translate/gateway/api";
import { mayRefer } from "#translate/gateway/reference-grants";
import { resolveService, serviceCluster } from "#translate/shared/services";

/** Why a reference to a backend leads nowhere. */
export interface ReferenceProblem {
  readonly reason: "RefNotPermitted" | "InvalidKind" | "BackendNotFound" | "UnsupportedProtocol";
  readonly message: string;
}

/** What the rules of one route may read, and where they gather clusters and references that lead nowhere. */
export class RouteVisit {
  readonly read: Reader;
  readonly settings: Settings;
  readonly namespace: string;
  readonly clusters = new Map<ClusterName, Cluster>();
  readonly referenceProblems: ReferenceProblem[] = [];

  constructor(read: Reader, settings: Settings, namespace: string) {
    this.read = read;
    this.settings = settings;
    this.namespace = namespace;
  }

  /** The cluster of a backend; absent, with a note why, when the reference leads nowhere. */
  resolve(reference: BackendReference, at: string, origin: Origin): ClusterName | undefined {
    const cluster = this.#find(reference, origin);
    if (!cluster.ok) {
      this.referenceProblems.push({ ...cluster.error, message: `${origin.field ?? "spec"}.${at}: ${cluster.error.message}` });
      return undefined;
    }
    if (!this.clusters.has(cluster.value.name)) this.clusters.set(cluster.value.name, cluster.value);
    return cluster.value.name;
  }

  #find(reference: BackendReference, origin: Origin): Result<Cluster, ReferenceProblem> {
    const { group = "", kind = "Service", namespace = this.namespace, name, port } = reference;
    if (group !== "" || kind !== "Service") return fail({ reason: "InvalidKind", message: `a backend must be a Service of the core group, not ${JSON.stringify(`${group}/${kind}`)}` });
    const route = { group: gatewayGroup, kind: "HTTPRoute", namespace: this.namespace };
    if (!mayRefer(this.read, route, { group, kind, namespace }, name)) return fail({ reason: "RefNotPermitted", message: `no ReferenceGrant in namespace ${JSON.stringify(namespace)} lets HTTPRoutes of ${JSON.stringify(this.namespace)} use Service ${JSON.stringify(name)}` });
    if (port === undefined) return fail({ reason: "BackendNotFound", message: `the port of Service ${JSON.stringify(name)} is missing; add it` });
    const target = resolveService(this.read, this.settings, namespace, name, port);
    if (!target.ok) return fail({ reason: "BackendNotFound", message: target.error.message });
    const { appProtocol } = target.value;
    if (isUnsupported(appProtocol)) return fail({ reason: "UnsupportedProtocol", message: `port ${port} of Service ${JSON.stringify(name)} has appProtocol ${JSON.stringify(appProtocol)}; of Kubernetes' own, kubernetes.io/h2c and kubernetes.io/ws are supported` });
    return ok(serviceCluster(target.value, this.settings, {}, origin));
  }
}

/** Protocols that Kubernetes defines must be understood; other names are for other programs and mean HTTP here. */
function isUnsupported(appProtocol: string | undefined): boolean {
  return appProtocol !== undefined && appProtocol.startsWith("kubernetes.io/") && appProtocol !== "kubernetes.io/h2c" && appProtocol !== "kubernetes.io/ws";
}
