import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { attach, routeParent } from "#translate/gateway/attachment";
import type { AttachingRoute, Attachment } from "#translate/gateway/attachment";
import { coversOf } from "#translate/gateway/hostnames";
import { compareAge, requestRoutes } from "#translate/gateway/request-route/compiled-route";
import type { RequestRoute, RequestRouteKind } from "#translate/gateway/request-route/compiled-route";

/** A route that could attach to a listener, for these hosts. */
interface RouteClaim {
  /** `namespace/name`. */
  readonly key: string;
  readonly created: string;
  readonly hosts: readonly string[];
}

/** Bucket: see `claimsKey`. */
const routeClaims = family<RouteClaim>("route-claim");

/** The bucket of claims on a host itself, or on the hosts that a wildcard covers: who claims one host looks at few others. */
function claimsKey(kind: RequestRouteKind, listener: string, what: "at" | "below", host: string): string {
  return `${kind} ${listener} ${what} ${host}`;
}

/** What of a route decides where it attaches. */
export function attachingRoute(kind: RequestRouteKind, route: RequestRoute): AttachingRoute {
  const { namespace = "", generation = 0 } = route.metadata;
  return { kind, namespace, generation, ...(route.spec.hostnames === undefined ? {} : { hostnames: route.spec.hostnames }) };
}

/** Says which routes of a kind want which hosts of which listeners. */
export function claimListeners(kind: RequestRouteKind): Rule {
  return {
    name: `claim-${kind}`,
    over: requestRoutes[kind],
    derive(bucket, read, emit) {
      const route = read.one(requestRoutes[kind], bucket);
      if (route === undefined) return;
      const attaching = attachingRoute(kind, route);
      const { creationTimestamp: created = "" } = route.metadata;
      const seen = new Set<string>();
      for (const parent of route.spec.parentRefs ?? []) {
        const at = routeParent(read, attaching.namespace, parent);
        for (const { listener, hosts } of at === undefined ? [] : attach(read, attaching, parent, at).attachments) {
          if (seen.has(listener.key)) continue;
          seen.add(listener.key);
          const claim: RouteClaim = { key: bucket, created, hosts };
          for (const host of hosts) emit(routeClaims, claimsKey(kind, listener.key, "at", host), claim);
          for (const cover of new Set(hosts.flatMap(coversOf))) emit(routeClaims, claimsKey(kind, listener.key, "below", cover), claim);
        }
      }
    },
  };
}

/**
 * The older route of the other kind that has a host of this attachment: of an HTTPRoute and a GRPCRoute that meet on a
 * listener exactly one is accepted (GRPCRoute, `spec.hostnames`). One that has itself lost against an older route of our kind is in nobody's way.
 */
export function rivalOf(read: Reader, kind: RequestRouteKind, own: Omit<RouteClaim, "hosts">, { listener, hosts }: Attachment): string | undefined {
  const other = kind === "HTTPRoute" ? "GRPCRoute" : "HTTPRoute";
  const older = claimsOn(read, other, listener.key, hosts).filter((claim) => compareAge(claim, own) < 0);
  const rival = older.toSorted(compareAge).find((claim) => !claimsOn(read, kind, listener.key, claim.hosts).some((mine) => mine.key !== own.key && compareAge(mine, claim) < 0));
  return rival === undefined ? undefined : `${other} ${rival.key}`;
}

/** Those who claim one of the hosts, a wildcard that covers it, or a host that it covers. */
function claimsOn(read: Reader, kind: RequestRouteKind, listener: string, hosts: readonly string[]): readonly RouteClaim[] {
  const found = hosts.flatMap((host) => [
    ...[host, ...coversOf(host)].flatMap((one) => read.all(routeClaims, claimsKey(kind, listener, "at", one))),
    ...(host.startsWith("*") ? read.all(routeClaims, claimsKey(kind, listener, "below", host)) : []),
  ]);
  return [...new Map(found.map((claim) => [claim.key, claim])).values()];
}
