import { splitFleet } from "#model/fleet";
import type { Route, VirtualHost } from "#model/route";
import type { Reader, Rule } from "#store/family";
import { virtualHosts, wildcardHosts } from "#translate/facts";
import { redirectFrom } from "#translate/gateway/http-route/redirect";
import { hostKey } from "#translate/gateway/listener-names";
import { compareAge, compiledRoutes } from "#translate/gateway/request-route/compiled-route";
import type { CompiledRoute } from "#translate/gateway/request-route/compiled-route";
import { hostAttachments } from "#translate/gateway/request-route/host-attachments";
import type { HostAttachment } from "#translate/gateway/request-route/host-attachments";
import { orderRoutes } from "#translate/shared/route-order";

/** Everything about one host of a Gateway's listener: the unit that a change of a route runs again. */
export const gatewayVirtualHosts: Rule = {
  name: "gateway-virtual-host",
  over: hostAttachments,
  derive(bucket, read, emit) {
    const attachments = read.all(hostAttachments, bucket);
    const [first] = attachments;
    if (first === undefined) return;
    const virtualHost = build(read, first, attachments);
    if (first.host.startsWith("*")) emit(wildcardHosts, first.listener, virtualHost);
    else emit(virtualHosts, hostKey(first.listener, first.host), virtualHost);
  },
};

function build(read: Reader, first: HostAttachment, attachments: readonly HostAttachment[]): VirtualHost {
  const { listener, host, protocol } = first;
  const compiled = attachedRoutes(read, attachments);
  return {
    listener: splitFleet(listener).name,
    host,
    wildcard: "any-depth",
    // A connection is for one listener of the Gateway: requests for a host of another one are misdirected (421).
    requireSni: protocol === "https",
    ...(protocol === "https" && first.listenerHost !== host ? { tlsHost: first.listenerHost } : {}),
    routes: sortRoutes(compiled, first),
    origins: compiled.map(({ kind, key }) => ({ kind, namespace: key.slice(0, key.indexOf("/")), name: key.slice(key.indexOf("/") + 1) })),
  };
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
