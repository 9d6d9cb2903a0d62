import type { Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey } from "#translate/facts";
import { allowedListenerNamespaces, allowsNamespace } from "#translate/gateway/allowed-routes";
import { gatewayGroup, listenerSets } from "#translate/gateway/api";
import type { ListenerSet } from "#translate/gateway/api";
import { ourGateway } from "#translate/gateway/site";

/** A ListenerSet that its Gateway lets in. */
export interface AttachedListenerSet {
  readonly key: string;
  readonly created: string;
}

/** ListenerSets that a Gateway of ours lets in. Bucket: `namespace/name` of the Gateway. */
export const attachedListenerSets = family<AttachedListenerSet>("attached-listener-set");

/** ListenerSets that name a Gateway of ours, with its key and whether it lets them in. Bucket: `namespace/name` of the ListenerSet. */
export const ourListenerSets = family<{ readonly gateway: string; readonly allowed: boolean }>("our-listener-set");

/** The Gateway that a ListenerSet names. */
export function parentOf(set: ListenerSet): string | undefined {
  const { group = gatewayGroup, kind = "Gateway", namespace = set.metadata.namespace ?? "", name } = set.spec.parentRef;
  return group === gatewayGroup && kind === "Gateway" ? objectKey(namespace, name) : undefined;
}

/** Attaches ListenerSets to Gateways that allow it (`spec.allowedListeners`; without it none are let in). */
export const attachListenerSets: Rule = {
  name: "attach-listener-set",
  over: listenerSets,
  derive(bucket, read, emit) {
    const set = read.one(listenerSets, bucket);
    const key = set === undefined ? undefined : parentOf(set);
    const gateway = key === undefined ? undefined : ourGateway(read, key);
    if (set === undefined || key === undefined || gateway === undefined) return;
    const namespaces = allowedListenerNamespaces(gateway);
    const allowed = namespaces.ok && allowsNamespace(read, namespaces.value, gateway.metadata.namespace ?? "", set.metadata.namespace ?? "");
    emit(ourListenerSets, bucket, { gateway: key, allowed });
    if (allowed) emit(attachedListenerSets, key, { key: bucket, created: set.metadata.creationTimestamp ?? "" });
  },
};
