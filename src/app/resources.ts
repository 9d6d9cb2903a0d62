import { buildCluster } from "#envoy/cluster";
import { buildEndpoints } from "#envoy/endpoint";
import { buildListener } from "#envoy/listener";
import { scopeName, wildScopeName } from "#envoy/names";
import { buildScope, buildWildScope } from "#envoy/scope";
import { buildSecret } from "#envoy/secret";
import type { EnvoySettings } from "#settings/envoy";
import type { Rule } from "#store/family";
import { family } from "#store/family";
import { certificatesWanted, clusters, endpoints, listeners, sharedGuards, tlsHosts, virtualHosts, wildcardHosts } from "#translate/facts";

/** Encoded Envoy resources, by xDS service. Bucket: the resource's name. */
export const resources = {
  cds: family<Uint8Array>("resource:cds"),
  eds: family<Uint8Array>("resource:eds"),
  sds: family<Uint8Array>("resource:sds"),
  lds: family<Uint8Array>("resource:lds"),
  srds: family<Uint8Array>("resource:srds"),
} as const;

/** The xDS services that carry our resources. */
export type ResourceKind = keyof typeof resources;

/** The last layer of the pipeline: each model node that changed is encoded once, for all Envoys. */
export function envoyRules(settings: EnvoySettings): readonly Rule[] {
  return [
    rule("envoy-cluster", clusters, (name, read, emit) => {
      const cluster = read.one(clusters, name);
      if (cluster !== undefined) emit(resources.cds, name, buildCluster(cluster, settings));
    }),
    rule("envoy-endpoints", endpoints, (name, read, emit) => {
      const found = read.one(endpoints, name);
      if (found !== undefined) emit(resources.eds, name, buildEndpoints(found));
    }),
    rule("envoy-secret", certificatesWanted, (name, read, emit) => {
      const certificate = read.one(certificatesWanted, name);
      if (certificate !== undefined) emit(resources.sds, name, buildSecret(certificate));
    }),
    rule("envoy-scope", virtualHosts, (key, read, emit) => {
      const virtualHost = read.one(virtualHosts, key);
      if (virtualHost !== undefined) emit(resources.srds, scopeName(virtualHost.listener, virtualHost.host), buildScope(virtualHost, settings));
    }),
    rule("envoy-wild-scope", wildcardHosts, (listener, read, emit) => {
      emit(resources.srds, wildScopeName(listener), buildWildScope(listener, read.all(wildcardHosts, listener), settings));
    }),
    rule("envoy-listener", listeners, (name, read, emit) => {
      const listener = read.one(listeners, name);
      if (listener !== undefined) emit(resources.lds, name, buildListener(listener, read.all(tlsHosts, name), read.all(sharedGuards, name), settings));
    }),
  ];
}

function rule(name: string, over: Rule["over"], derive: Rule["derive"]): Rule {
  return { name, over, derive };
}
