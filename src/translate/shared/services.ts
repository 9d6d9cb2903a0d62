import { createHash } from "node:crypto";
import type { Service } from "#gen/k8s/service";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { CircuitBreakers, Cluster, ClusterSource, EndpointsName, HealthCheck, LoadBalancing, SlowStart, UpstreamProtocol, UpstreamValidation } from "#model/cluster";
import { commonFleet, inFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { Origin } from "#model/origin";
import type { OutlierDetection } from "#model/policy";
import type { SecretName } from "#model/secret";
import type { Settings } from "#settings/settings";
import type { Emit, Reader } from "#store/family";
import { clusterIpMark, clusters, endpointsName, endpointsWanted, objectKey, objects } from "#translate/facts";
import { clientCertificateOf } from "#translate/shared/client-certificate";
import { hashName } from "#lib/hash-name";

type ServicePort = NonNullable<NonNullable<Service["spec"]>["ports"]>[number];

/** One port of a Service that traffic can be sent to. */
export interface ServiceTarget {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** The name by which EndpointSlices know the port; empty for the only port of a Service. */
  readonly portName: string;
  /** What the Service itself says about the protocol; absent when it says nothing. */
  readonly protocol?: UpstreamProtocol;
  /** Whether connections go to the Service's cluster IP and not to its pods. */
  readonly byClusterIp: boolean;
  /** The DNS name that an ExternalName Service stands for. */
  readonly externalName?: string;
  /** As written in the Service; Gateway API refuses values that it does not know. */
  readonly appProtocol?: string;
  readonly circuitBreakers: CircuitBreakers;
  /** The certificate that is shown to it, if it is spoken to over TLS. */
  readonly clientCertificate?: SecretName;
}

/** Why a Service's port cannot be used. The message says it in words. */
export interface UnresolvedService {
  readonly reason: "not-found" | "no-port" | "external-name-off" | "external-name-forbidden";
  readonly message: string;
}

/** Finds the port of a Service, by number or name. */
export function resolveService(read: Reader, settings: Settings, namespace: string, name: string, port: number | string, transport: "TCP" | "UDP" = "TCP"): Result<ServiceTarget, UnresolvedService> {
  const service = read.one(objects("Service"), objectKey(namespace, name));
  if (service === undefined) return fail({ reason: "not-found", message: `there is no Service ${JSON.stringify(name)} in namespace ${JSON.stringify(namespace)}` });
  const ports = service.spec?.ports ?? [];
  if (service.spec?.type === "ExternalName") return externalTarget(read, settings, service, port);
  const found = ports.find((candidate) => (typeof port === "number" ? candidate.port === port : candidate.name === port) && (candidate.protocol ?? "TCP") === transport);
  if (found === undefined) return fail({ reason: "no-port", message: `Service ${JSON.stringify(name)} has no port ${port}${transport === "UDP" ? " for UDP" : ""} (it has: ${describePorts(ports, transport)})` });
  return ok(target(read, settings, service, found));
}

function describePorts(ports: readonly ServicePort[], transport: "TCP" | "UDP" = "TCP"): string {
  const mixed = ports.some(({ protocol = "TCP" }) => protocol !== "TCP") || transport === "UDP";
  const text = ({ port, protocol = "TCP", name = "" }: ServicePort): string => [mixed ? `${port}/${protocol}` : `${port}`, ...(name === "" ? [] : [name])].join(" ");
  return ports.length === 0 ? "none" : ports.map(text).join(", ");
}

function target(read: Reader, settings: Settings, service: Service, port: ServicePort): ServiceTarget {
  const { namespace = "", name } = service.metadata;
  const clientCertificate = clientCertificateOf(read, settings);
  const protocol = appProtocol(port.appProtocol) ?? annotatedProtocol(service, port);
  return {
    namespace,
    name,
    port: port.port,
    portName: port.name ?? "",
    byClusterIp: byClusterIp(service, settings),
    ...(protocol === undefined ? {} : { protocol }),
    ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    circuitBreakers: { ...settings.circuitBreakers, ...circuitBreakers(service) },
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

/** Services without a cluster IP (headless ones, those of a file that leaves it to Kubernetes) have only their pods. */
function byClusterIp({ metadata, spec }: Service, { upstreamAddresses }: Settings): boolean {
  const wish = metadata.annotations?.["projectcontour.io/upstream-addresses"];
  const wanted = wish === "ClusterIP" || (wish !== "Endpoints" && upstreamAddresses === "cluster-ip");
  return wanted && (spec?.clusterIP ?? "None") !== "None" && spec?.clusterIP !== "";
}

/** The name of the addresses behind a Service's port. */
export function endpointsOf(target: ServiceTarget, healthPortName?: string): EndpointsName {
  const name = endpointsName(target.namespace, target.name, target.portName, healthPortName);
  return target.byClusterIp ? `${name}${clusterIpMark}` : name;
}

function externalTarget(read: Reader, settings: Settings, service: Service, port: number | string): Result<ServiceTarget, UnresolvedService> {
  const { name } = service.metadata;
  const who = `Service ${JSON.stringify(name)} is of type ExternalName`;
  const host = service.spec?.externalName ?? "";
  if (!settings.enableExternalNameService) return fail({ reason: "external-name-off", message: `${who}, which this installation does not allow (enableExternalNameService)` });
  if (pointsInside(host)) return fail({ reason: "external-name-forbidden", message: `${who} and names ${JSON.stringify(host)}, an address of Envoy's own machine; that is never allowed` });
  const ports = service.spec?.ports ?? [];
  const found = ports.find((candidate) => (typeof port === "number" ? candidate.port === port : candidate.name === port)) ?? (typeof port === "number" ? { port } : undefined);
  if (found === undefined) return fail({ reason: "no-port", message: `Service ${JSON.stringify(name)} has no port ${port} (it has: ${describePorts(ports)})` });
  return ok({ ...target(read, settings, service, found as ServicePort), externalName: host });
}

/** Names that lead to Envoy's own host, where its admin interface is: an ExternalName must never reach it. */
function pointsInside(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name === "" || name === "localhost" || name.endsWith(".localhost") || name === "localhost.localdomain" || name.endsWith(".localdomain") || name === "local.projectcontour.io") return true;
  return /^(127\.|0\.|169\.254\.)/.test(name) || /^0*:?:?(::)?(1|0)?$/.test(name.replace(/[[\]]/g, "")) || /^(fe[89ab][0-9a-f]:|::ffff:127\.|::1$|::$)/.test(name.replace(/[[\]]/g, ""));
}

function appProtocol(value: string | undefined): UpstreamProtocol | undefined {
  switch (value) {
    case "kubernetes.io/h2c":
      return "h2c";
    case "https":
      return "tls";
    case "http":
    case "kubernetes.io/ws":
      return "http1";
    default:
      return undefined;
  }
}

const annotatedProtocols = ["h2", "h2c", "tls"] as const;

function annotatedProtocol(service: Service, port: ServicePort): UpstreamProtocol | undefined {
  return annotatedProtocols.find((protocol) => {
    const names = (service.metadata.annotations?.[`projectcontour.io/upstream-protocol.${protocol}`] ?? "").split(",").map((name) => name.trim());
    return names.includes(String(port.port)) || (port.name !== undefined && port.name !== "" && names.includes(port.name));
  });
}

const circuitBreakerAnnotations = {
  maxConnections: "max-connections",
  maxPendingRequests: "max-pending-requests",
  maxRequests: "max-requests",
  maxRetries: "max-retries",
  perHostMaxConnections: "per-host-max-connections",
} as const satisfies Record<keyof CircuitBreakers, string>;

function circuitBreakers(service: Service): CircuitBreakers {
  const entries = Object.entries(circuitBreakerAnnotations).flatMap(([key, annotation]) => {
    const text = service.metadata.annotations?.[`projectcontour.io/${annotation}`];
    return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= 0xffffffff ? [[key, Number(text)] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** How a route wants its connections to a Service, beyond what the Service itself says. */
export interface ClusterOptions {
  readonly protocol?: UpstreamProtocol;
  readonly loadBalancing?: LoadBalancing;
  readonly validation?: UpstreamValidation;
  readonly sni?: string;
  readonly healthCheck?: HealthCheck;
  /** The name of the port that health checks use when it is another one. */
  readonly healthPortName?: string;
  readonly idleTimeoutMs?: number;
  readonly slowStart?: SlowStart;
  readonly outlierDetection?: OutlierDetection;
  /** The certificate to show instead of the installation's. */
  readonly clientCertificate?: SecretName;
}

/** The cluster for a Service's port with these options. Its name depends on both and on nothing else. */
export function serviceCluster(target: ServiceTarget, settings: Settings, options: ClusterOptions, origin: Origin): Cluster {
  const protocol = options.protocol ?? target.protocol ?? "http1";
  const sni = options.sni ?? target.externalName;
  const chosen = {
    protocol,
    loadBalancing: options.loadBalancing ?? ("round-robin" as const),
    ...(options.validation === undefined ? {} : { validation: options.validation }),
    ...(sni === undefined || (protocol !== "h2" && protocol !== "tls") ? {} : { sni }),
    ...(options.healthCheck === undefined ? {} : { healthCheck: options.healthCheck }),
    ...(options.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: options.idleTimeoutMs }),
    ...(options.slowStart === undefined ? {} : { slowStart: options.slowStart }),
    ...(options.outlierDetection === undefined ? {} : { outlierDetection: options.outlierDetection }),
    ...(protocol === "h2" || protocol === "tls" ? upstreamTls(settings, options.clientCertificate ?? target.clientCertificate) : {}),
  };
  return {
    name: hashName(target.namespace, target.name, String(target.port), fingerprint(chosen, options.healthPortName)),
    statName: `${target.namespace}_${target.name}_${target.port}`,
    source: clusterSource(target, settings, options.healthPortName),
    ...chosen,
    connectTimeoutMs: settings.connectTimeoutMs,
    circuitBreakers: target.circuitBreakers,
    origin,
  };
}

/** What an installation says about TLS to backends. */
export function upstreamTls({ upstreamTls: { minimumVersion, maximumVersion } }: Settings, clientCertificate: SecretName | undefined): Pick<Cluster, "minimumTlsVersion" | "maximumTlsVersion" | "clientCertificate"> {
  return {
    minimumTlsVersion: minimumVersion,
    maximumTlsVersion: maximumVersion,
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

/** The settings that tell two clusters of one port apart. A port with none has the hash of nothing, as in Go Contour. */
function fingerprint(chosen: object, healthPortName: string | undefined): string {
  const plain = { protocol: "http1", loadBalancing: "round-robin" };
  const text = JSON.stringify({ ...chosen, healthPortName });
  return createHash("sha1").update(text === JSON.stringify(plain) ? "" : text).digest("hex").slice(0, 10);
}

function clusterSource(target: ServiceTarget, settings: Settings, healthPortName: string | undefined): ClusterSource {
  if (target.externalName !== undefined) return { kind: "dns", host: target.externalName, port: target.port, family: settings.dnsLookupFamily };
  return { kind: "endpoints", endpoints: endpointsOf(target, healthPortName) };
}

/** Says that the Envoys of a fleet want a cluster, and with it its endpoints. */
export function emitCluster(emit: Emit, cluster: Cluster, fleet: FleetName = commonFleet): void {
  emit(clusters, inFleet(fleet, cluster.name), cluster);
  if (cluster.source.kind === "endpoints" && cluster.weightedGroups !== true) emit(endpointsWanted, inFleet(fleet, cluster.source.endpoints), true);
}
