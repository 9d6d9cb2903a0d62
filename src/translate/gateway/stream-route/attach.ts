import type { KindName } from "#k8s/kinds";
import type { Cluster } from "#model/cluster";
import { inFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { ListenerName, TcpProxy } from "#model/listener";
import type { Origin } from "#model/origin";
import { unresolvedCluster } from "#model/route";
import type { ForwardTarget } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Emit, Family, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { statuses, weightedServices } from "#translate/facts";
import { tcpRoutes, tlsRoutes, udpRoutes } from "#translate/gateway/api";
import type { StreamRoute } from "#translate/gateway/api";
import { attach, attachedRoutes, ownsHost, routeParent } from "#translate/gateway/attachment";
import type { Attachment, RouteParent } from "#translate/gateway/attachment";
import { gatewaysOfService } from "#translate/gateway/backend-tls";
import { RouteVisit } from "#translate/gateway/backends";
import { settingsOfFleets } from "#translate/gateway/fleet-configuration";
import { hostKey } from "#translate/gateway/listener-names";
import { compareAge } from "#translate/gateway/request-route/compiled-route";
import { resolvedRefs } from "#translate/gateway/route-status";
import { servedStreams } from "#translate/gateway/stream-route/served-streams";
import { emitCluster, endpointsOf, serviceCluster } from "#translate/shared/services";
import { emitTlsHost } from "#translate/tls-hosts";

/** The kinds of routes of connections and datagrams. */
export type StreamRouteKind = "TLSRoute" | "TCPRoute" | "UDPRoute";

const families: Readonly<Record<StreamRouteKind, Family<StreamRoute>>> = { TLSRoute: tlsRoutes, TCPRoute: tcpRoutes, UDPRoute: udpRoutes };

/** A route that wants the connections for a host of a listener; `*` where there is no host to tell them apart. */
export interface StreamAttachment {
  readonly listener: ListenerName;
  /** The key of the Gateway's listener. */
  readonly listenerKey: string;
  readonly host: string;
  readonly proxy: TcpProxy;
  readonly created: string;
  readonly key: string;
}

/** Bucket: `hostKey`. */
export const streamAttachments = family<StreamAttachment>("stream-attachment");

/** How long a connection may be idle, in milliseconds: the value of Go Contour and of Envoy. */
const idleTimeoutMs = 3_600_000;

/** Attaches each route of a kind to listeners, and says in its status where that worked. */
export function attachStreamRoutes(kind: StreamRouteKind, settings: Settings): Rule {
  const settingsOf = settingsOfFleets(settings);
  return {
    name: `attach-${kind}`,
    over: families[kind],
    derive(bucket, read, emit) {
      const route = read.one(families[kind], bucket);
      if (route === undefined) return;
      const { namespace = "", name, generation = 0, creationTimestamp: created = "" } = route.metadata;
      const origin: Origin = { kind, namespace, name, field: "spec.rules[0]" };
      const backendsOf = new Map<FleetName, FleetBackends>();
      const inFleetOf = ({ site: { fleet } }: RouteParent): FleetBackends => {
        const found = backendsOf.get(fleet) ?? fleetBackends(read, settingsOf(read, fleet), kind, route, origin);
        backendsOf.set(fleet, found);
        return found;
      };
      const attaching = { kind, namespace, generation, ...(kind === "TLSRoute" && route.spec.hostnames !== undefined ? { hostnames: route.spec.hostnames } : {}) };
      const placed = new Set<string>();
      const parents = (route.spec.parentRefs ?? []).flatMap((parent) => {
        const at = routeParent(read, namespace, parent);
        if (at === undefined) return [];
        const found = attach(read, attaching, parent, at);
        const backends = inFleetOf(at);
        for (const attachment of found.attachments) {
          const chosen = attachment.listener.tls === "passthrough" ? backends.through : backends.ended;
          chosen.emit(emit, at);
          place(read, emit, placed, at, attachment, `${kind}/${bucket}`, { proxy: { targets: chosen.targets, idleTimeoutMs, origin }, created, key: bucket });
        }
        const { visit } = backends;
        if (found.attachments.length > 0) for (const service of visit.services) emit(gatewaysOfService, service, at.gateway);
        return [{ parentRef: parent, controllerName: settings.gatewayControllerName, conditions: [found.accepted, resolvedRefs(visit.referenceProblems, generation)] }];
      });
      if (parents.length > 0) emit(statuses, `${kind}/${bucket}`, { kind: kind as KindName, namespace, name, generation, status: { parents } });
    },
  };
}

/** Where a route leads in the Envoys of a fleet. */
interface FleetBackends {
  readonly visit: RouteVisit;
  /** For connections that have no TLS, or whose TLS ended here: they are encrypted where a policy wants that. */
  readonly ended: Backends;
  /** For TLS that goes through: it is the client's own. */
  readonly through: Backends;
}

function fleetBackends(read: Reader, settings: Settings, kind: StreamRouteKind, route: StreamRoute, origin: Origin): FleetBackends {
  const { namespace } = origin;
  const visit = new RouteVisit(read, settings, { kind, namespace });
  const ended = kind === "UDPRoute" ? udpBackends(visit, route, origin) : tcpBackends(visit, route, origin);
  return { visit, ended, through: kind === "TLSRoute" ? tcpBackends(new RouteVisit(read, settings, { kind, namespace, passthrough: true }), route, origin) : ended };
}

function place(read: Reader, emit: Emit, placed: Set<string>, at: RouteParent, attachment: Attachment, route: string, rest: Pick<StreamAttachment, "proxy" | "created" | "key">): void {
  const { listener, hosts } = attachment;
  if (placed.has(listener.key)) return;
  placed.add(listener.key);
  emit(attachedRoutes, listener.key, route);
  const { envoyListener } = listener;
  for (const host of hosts) if (ownsHost(read, at, attachment, host)) emit(streamAttachments, hostKey(envoyListener, host), { listener: envoyListener, listenerKey: listener.key, host, ...rest });
}

/** Of several routes for the same connections the oldest has them. */
export const serveStreams: Rule = {
  name: "serve-stream",
  over: streamAttachments,
  derive(bucket, read, emit) {
    // A listener that is not served has no connections to give.
    const [first] = read.all(streamAttachments, bucket).filter(({ listenerKey }) => read.any(servedStreams, listenerKey)).toSorted(compareAge);
    const served = first === undefined ? undefined : read.one(servedStreams, first.listenerKey);
    if (first === undefined || served === undefined) return;
    const { listener, host, proxy } = first;
    const { origin } = proxy;
    if (served.tls === undefined) emitTlsHost(emit, listener, { kind: "passthrough", listener, host, proxy, origin });
    else emitTlsHost(emit, listener, { kind: "tcp-terminated", listener, host, tls: served.tls, proxy, origin });
  },
};

interface Backends {
  readonly targets: readonly ForwardTarget[];
  emit(emit: Emit, parent: RouteParent): void;
}

/** Those that cannot be found have their share all the same: it is refused (TCPRouteRule, `backendRefs`). */
function tcpBackends(visit: RouteVisit, route: StreamRoute, origin: Origin): Backends {
  const targets = backendRefs(route).flatMap((reference, i) => {
    const cluster = visit.resolve(reference, `backendRefs[${i}]`, origin);
    const { weight = 1 } = reference;
    return weight === 0 ? [] : [{ cluster, weight }];
  });
  const found = targets.flatMap(({ cluster, weight }) => (cluster === undefined ? [] : [{ cluster, weight }]));
  const refused = targets.length - found.length;
  return {
    targets: found.length === 0 || refused === 0 ? found : targets.map(({ cluster = unresolvedCluster, weight }) => ({ cluster, weight })),
    emit: (emit, { site }) => [...visit.clusters.values()].forEach((cluster) => emitCluster(emit, cluster, site.fleet)),
  };
}

function backendRefs(route: StreamRoute): NonNullable<NonNullable<StreamRoute["spec"]["rules"]>[number]["backendRefs"]> {
  return route.spec.rules?.[0]?.backendRefs ?? [];
}

/**
 * Envoy sends all datagrams of a listener to one cluster: several backends become groups of it, with their weights. The share
 * of those that cannot be found is dropped, not given to others (UDPRouteRule, `backendRefs`).
 */
function udpBackends(visit: RouteVisit, route: StreamRoute, origin: Origin): Backends {
  let lost = 0;
  const groups = backendRefs(route).flatMap((reference, i) => {
    const target = visit.target(reference);
    if (!target.ok) visit.referenceProblems.push({ ...target.error, message: `${origin.field ?? "spec"}.backendRefs[${i}]: ${target.error.message}` });
    const { weight = 1 } = reference;
    if (!target.ok) lost += weight;
    return target.ok && weight > 0 ? [{ target: target.value, weight, endpoints: endpointsOf(target.value) }] : [];
  });
  const [first] = groups;
  if (first === undefined) return { targets: [], emit: () => undefined };
  const name = `udproute/${origin.namespace}/${origin.name}`;
  const base = serviceCluster(first.target, visit.settings, { protocol: "http1" }, origin);
  const cluster: Cluster = { ...base, name, statName: `udproute_${origin.namespace}_${origin.name}`, source: { kind: "endpoints", endpoints: name }, weightedGroups: true };
  return {
    targets: [{ cluster: name, weight: 1 }],
    emit(emit, { site }) {
      emitCluster(emit, cluster, site.fleet);
      emit(weightedServices, inFleet(site.fleet, name), { groups: groups.map(({ endpoints, weight }) => ({ endpoints, weight })), ...(lost === 0 ? {} : { dropped: lost }) });
    },
  };
}
