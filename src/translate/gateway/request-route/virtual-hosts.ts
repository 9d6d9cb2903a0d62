import { guardId } from "#model/listener";
import { splitFleet } from "#model/fleet";
import type { Route, VirtualHost } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { virtualHosts, wildcardHosts } from "#translate/facts";
import { redirectFrom } from "#translate/gateway/http-route/redirect";
import { hostKey } from "#translate/gateway/listener-names";
import { compareAge, compiledRoutes } from "#translate/gateway/request-route/compiled-route";
import type { CompiledRoute } from "#translate/gateway/request-route/compiled-route";
import { hostAttachments } from "#translate/gateway/request-route/host-attachments";
import type { HostAttachment } from "#translate/gateway/request-route/host-attachments";
import { effectivePolicy, withPolicy } from "#translate/gateway/traffic-policy/attach";
import type { PolicyPlace } from "#translate/gateway/traffic-policy/attach";
import { rulePlace } from "#translate/gateway/traffic-policy/places";
import { listenerAuthorization } from "#translate/httpproxy/policies/authorization";
import { hostsOfIngress } from "#translate/ingress-site";
import { orderRoutes } from "#translate/shared/route-order";

/** Everything about one host of a Gateway's listener: the unit that a change of a route runs again. */
export function gatewayVirtualHosts(settings: Settings): Rule {
  return {
    name: "gateway-virtual-host",
    over: hostAttachments,
    derive(bucket, read, emit) {
      const attachments = read.all(hostAttachments, bucket);
      const [first] = attachments;
      // A listener by itself answers 404 for its host: an Ingress or HTTPProxy may have more to say.
      const free = attachments.every(({ kind }) => kind === "listener");
      if (first === undefined || (free && read.any(hostsOfIngress, bucket))) return;
      const virtualHost = build(read, settings, first, attachments);
      if (first.host.startsWith("*")) emit(wildcardHosts, first.listener, virtualHost);
      else emit(virtualHosts, hostKey(first.listener, first.host), virtualHost);
    },
  };
}

function build(read: Reader, settings: Settings, first: HostAttachment, attachments: readonly HostAttachment[]): VirtualHost {
  const { listener, host, protocol } = first;
  const compiled = attachedRoutes(read, attachments);
  const judged = compiled.map((route) => ({ route, ...underPolicy(read, first.place, route) }));
  const ofListener = listenerAuthorization(read, settings);
  const guards = [...new Set([...judged.flatMap((entry) => entry.guards), ...(ofListener === undefined || compiled.length === 0 ? [] : [guardId({ kind: "authorization", authorization: ofListener })])])].toSorted();
  return {
    listener: splitFleet(listener).name,
    host,
    wildcard: "any-depth",
    // A connection is for one listener of the Gateway: requests for a host of another one are misdirected (421).
    requireSni: protocol === "https",
    ...(protocol === "https" && first.listenerHost !== host ? { tlsHost: first.listenerHost } : {}),
    routes: sortRoutes(judged.map(({ route, routes }) => ({ ...route, routes })), first),
    ...(guards.length === 0 ? {} : { guards }),
    origins: compiled.map(({ kind, key }) => ({ kind, namespace: key.slice(0, key.indexOf("/")), name: key.slice(key.indexOf("/") + 1) })),
  };
}

/** The routes of an HTTPRoute or GRPCRoute with the policies that are attached to them; a rule whose policy is wrong lets nobody in. */
function underPolicy(read: Reader, listener: PolicyPlace, compiled: CompiledRoute): { readonly routes: readonly Route[]; readonly guards: readonly string[] } {
  const byName = new Map([...new Set(compiled.ruleNames)].map((name) => [name, effectivePolicy(read, [listener, rulePlace(compiled, name)])]));
  const guards = [...byName.values()].flatMap((policy) => (policy === "closed" ? [] : policy.guards.map(guardId)));
  const routes = compiled.routes.map((route): Route => {
    const policy = byName.get(compiled.ruleNames[ruleOf(route)]);
    if (policy === "closed") return { ...route, action: { kind: "direct-response", status: 500 }, policies: {} };
    return policy === undefined ? route : { ...route, policies: withPolicy(route.policies, policy) };
  });
  return { routes, guards };
}

/** The position of the rule that a route was made from. */
function ruleOf({ origin }: Route): number {
  return Number(/^spec\.rules\[(\d+)\]/.exec(origin.field ?? "")?.[1] ?? 0);
}

function attachedRoutes(read: Reader, attachments: readonly HostAttachment[]): readonly CompiledRoute[] {
  const keys = new Set(attachments.flatMap((attachment) => (attachment.kind === "route" ? [attachment.compiled] : [])));
  return [...keys].flatMap((key) => read.one(compiledRoutes, key) ?? []).toSorted(compareAge);
}

/** The precedence of the specification: the more specific match, then the older route, its name, the order of rules. */
function sortRoutes(compiled: readonly CompiledRoute[], listener: HostAttachment): readonly Route[] {
  const routes = compiled.flatMap((route) => route.routes).map((route, priority) => ({ ...route, priority, action: route.action.kind === "redirect" ? redirectFrom(route.action, listener) : route.action }));
  // Of routes with the same match `orderRoutes` keeps the last, and here the first one counts.
  return orderRoutes(routes.toReversed());
}
