import type { HiddenForm } from "#app/isolation";
import { hiddenParts, resourceKey, withoutHidden, withoutHiddenTls } from "#app/parts";
import { allTlsHosts, asksOnDemand, listenerTls, tlsShapeRules, withUnspeakableName } from "#app/tls-shape";
import { logsOrigins } from "#envoy/access-log";
import { buildCluster } from "#envoy/cluster";
import { buildEndpoints } from "#envoy/endpoint";
import { buildListener } from "#envoy/listener";
import { quicListenerName, unspeakableName, wildScopeName } from "#envoy/names";
import { buildQuicListener } from "#envoy/quic-listener";
import { buildChallengeScope, buildScope, buildWildScope } from "#envoy/scope";
import { buildSecret } from "#envoy/secret";
import type { Cluster } from "#model/cluster";
import type { TlsHost } from "#model/listener";
import { commonFleet, inFleet, splitFleet } from "#model/fleet";
import type { EnvoySettings } from "#settings/envoy";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { certificatesWanted, clusters, endpoints, listeners, sharedGuards, virtualHosts, wildcardHosts } from "#translate/facts";
import { challengeAnswers } from "#translate/certificates/orders";
import { envoySettingsOfFleet, fleetConfigurations } from "#translate/gateway/fleet-configuration";
import { listenerType, scopeType } from "#xds/types";
import type { TypeUrl } from "#xds/types";

/** Encoded Envoy resources, by xDS service. Bucket: the resource's name. */
export const resources = {
  cds: family<Uint8Array>("resource:cds"),
  eds: family<Uint8Array>("resource:eds"),
  sds: family<Uint8Array>("resource:sds"),
  lds: family<Uint8Array>("resource:lds"),
  srds: family<Uint8Array>("resource:srds"),
} as const;

/** Why a resource cannot be encoded. Bucket: xDS service and name. */
export const unencodable = family<string>("unencodable");

/** The xDS services that carry our resources. */
export type ResourceKind = keyof typeof resources;

/** Envoy's settings of a fleet that has its own. Bucket: the fleet. */
export const fleetEnvoySettings = family<EnvoySettings>("fleet-envoy-settings");

/** The names of a fleet's listeners. Bucket: the fleet. */
export const fleetListeners = family<string>("fleet-listeners");

/** Whether access logs of a fleet name the objects that routes are from. A fact of its own, so that another format makes no scope anew that would be the same. Bucket: the fleet. */
const loggedOrigins = family<true>("logged-origins");

/** The last layer of the pipeline: each model node that changed is encoded once, for all Envoys. */
export function envoyRules(envoySettings: EnvoySettings): readonly Rule[] {
  // The name of everything that is encoded tells whose Envoys get it.
  const of = (read: Reader, name: string): EnvoySettings => {
    const { fleet } = splitFleet(name);
    return fleet === commonFleet ? envoySettings : (read.one(fleetEnvoySettings, fleet) ?? envoySettings);
  };
  return [
    {
      name: "fleet-envoy-settings",
      over: fleetConfigurations,
      derive(fleet, read, emit) {
        const spec = read.one(fleetConfigurations, fleet);
        if (spec !== undefined) emit(fleetEnvoySettings, fleet, envoySettingsOfFleet(envoySettings, spec));
      },
    },
    {
      name: "fleet-listeners",
      over: listeners,
      derive(qualified, _read, emit) {
        const { fleet, name } = splitFleet(qualified);
        emit(fleetListeners, fleet, name);
      },
    },
    ...tlsShapeRules((read, fleet) => of(read, inFleet(fleet, "")).certificatesOnDemandFrom),
    rule("envoy-cluster", clusters, "cds", (name) => name, (name, read) => {
      const cluster = read.one(clusters, name);
      return cluster === undefined ? undefined : buildCluster(withClientCertificate(read, name, cluster), of(read, name));
    }),
    {
      ...rule("envoy-endpoints", endpoints, "eds", (name) => name, (name, read) => {
        const found = read.one(endpoints, name);
        return found === undefined ? undefined : buildEndpoints(found);
      }),
      lane: "short",
    },
    rule("envoy-secret", certificatesWanted, "sds", (name) => name, (name, read) => {
      const certificate = read.one(certificatesWanted, name);
      return certificate === undefined ? undefined : buildSecret(certificate);
    }),
    // The bucket of a virtual host is the name of its scope.
    {
      name: "logged-origins",
      over: fleetListeners,
      derive(fleet, read, emit) {
        if (logsOrigins(of(read, inFleet(fleet, "")))) emit(loggedOrigins, fleet, true);
      },
    },
    rule("envoy-scope", virtualHosts, "srds", (name) => name, (name, read) => {
      const virtualHost = read.one(virtualHosts, name);
      return virtualHost === undefined ? undefined : buildScope(withoutHidden(virtualHost, hidden(read, scopeType, name)), { settings: of(read, name), answers: read.all(challengeAnswers, name), namesOrigins: namesOrigins(read, name) });
    }),
    rule("envoy-challenge-scope", challengeAnswers, "srds", (name) => name, (name, read) => (read.any(virtualHosts, name) ? undefined : buildChallengeScope(splitFleet(name).name, read.all(challengeAnswers, name)))),
    rule("envoy-wild-scope", wildcardHosts, "srds", wildScopeName, (listener, read) => {
      const hiding = hidden(read, scopeType, wildScopeName(listener));
      return buildWildScope(splitFleet(listener).name, read.all(wildcardHosts, listener).map((host) => withoutHidden(host, hiding)), { settings: of(read, listener), namesOrigins: namesOrigins(read, listener) });
    }),
    rule("envoy-listener", listeners, "lds", (name) => name, (name, read) => {
      const listener = read.one(listeners, name);
      if (listener === undefined) return undefined;
      const tls = listenerTls(read, name);
      const shown = withoutHiddenTls(tls.hosts, read.all(sharedGuards, name), hidden(read, listenerType, name));
      return buildListener(listener, { ...tls, hosts: shown.hosts.map(naming(read, name)), refused: tls.hosts.filter((host) => !shown.hosts.includes(host)) }, shown.guards, of(read, name));
    }),
    rule("envoy-quic-listener", listeners, "lds", quicListenerName, (name, read) => {
      const listener = read.one(listeners, name);
      if (listener?.http3Port === undefined) return undefined;
      const hosts = allTlsHosts(read, name);
      const shown = withoutHiddenTls(hosts, [], hidden(read, listenerType, quicListenerName(name))).hosts;
      return buildQuicListener(listener, hosts, shown.map(naming(read, name)), of(read, name));
    }),
  ];
}

function namesOrigins(read: Reader, name: string): boolean {
  return read.any(loggedOrigins, splitFleet(name).fleet);
}

/** Names the certificates of hosts so that no client's greeting can be one of these names, where that matters. */
function naming(read: Reader, listener: string): (host: TlsHost) => TlsHost {
  return asksOnDemand(read, splitFleet(listener).fleet) ? withUnspeakableName : (host) => host;
}

function withClientCertificate(read: Reader, name: string, cluster: Cluster): Cluster {
  const { clientCertificate } = cluster;
  return clientCertificate !== undefined && asksOnDemand(read, splitFleet(name).fleet) ? { ...cluster, clientCertificate: unspeakableName(clientCertificate) } : cluster;
}

function hidden(read: Reader, type: TypeUrl, name: string): ReadonlyMap<string, HiddenForm> | undefined {
  return read.one(hiddenParts, resourceKey(type, name));
}

/** Encodes one kind of node. What cannot be encoded is as good as refused by Envoy: all others go on. */
function rule(name: string, over: Rule["over"], kind: ResourceKind, nameOf: (bucket: string) => string, build: (bucket: string, read: Reader) => Uint8Array | undefined): Rule {
  return {
    name,
    over,
    derive(bucket, read, emit) {
      try {
        const bytes = build(bucket, read);
        if (bytes !== undefined) emit(resources[kind], nameOf(bucket), bytes);
      } catch (error) {
        emit(unencodable, `${kind} ${nameOf(bucket)}`, error instanceof Error ? error.message : String(error));
      }
    },
  };
}
