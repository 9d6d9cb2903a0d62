import { guardId } from "#model/listener";
import type { Guard } from "#model/listener";
import type { VirtualHost } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { hostAuthorization, listenerAuthorization } from "#translate/httpproxy/policies/authorization";
import type { ProxyRoot } from "#translate/httpproxy/root";

/** What keeps strangers out of a host because its root says so. */
export function ownGuards(root: ProxyRoot | undefined): readonly Guard[] {
  const own = root?.authorization?.own;
  return [...(root?.jwtProviders ?? []).map((provider) => ({ kind: "jwt", provider }) as const), ...(own === undefined ? [] : [{ kind: "authorization", authorization: own } as const])];
}

/** How a virtual host is guarded. `shared` is whether hosts without its guards use the same connections. */
export function guardsOf(read: Reader, settings: Settings, root: ProxyRoot | undefined, shared: boolean): Pick<VirtualHost, "authorization" | "ownAuthorization" | "guards"> {
  // A host of Ingresses alone has what the installation says.
  const authorization = root === undefined ? hostAuthorization(read, settings, undefined, [], "").value : root.authorization;
  const ofListener = authorization?.own === undefined ? listenerAuthorization(read, settings) : undefined;
  const guards = [...ownGuards(root), ...(ofListener === undefined ? [] : [{ kind: "authorization", authorization: ofListener } as const])].map(guardId).toSorted();
  const use = authorization?.use;
  // The filter in the listener checks by itself: only what differs has to be said.
  const said = use === undefined || (use.kind === "check" && Object.keys(use.context).length === 0) ? undefined : use;
  return {
    ...(said === undefined ? {} : { authorization: said }),
    ...(shared && authorization?.own !== undefined ? { ownAuthorization: authorization.own.id } : {}),
    ...(guards.length === 0 ? {} : { guards }),
  };
}
