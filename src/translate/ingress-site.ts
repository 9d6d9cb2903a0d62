import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { commonFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { ListenerName } from "#model/listener";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey } from "#translate/facts";
import { offeredListeners } from "#translate/gateway/gateway-shape";
import { hostKey, ingressHttpsProtocol } from "#translate/gateway/listener-names";
import { ownerKey } from "#translate/gateway/listener-shape";
import type { ListenerShape } from "#translate/gateway/listener-shape";
import { hostAttachments } from "#translate/gateway/request-route/host-attachments";
import { gatewaySites } from "#translate/gateway/site";
import { streamAttachments } from "#translate/gateway/stream-route/attach";
import { ingressHttp, ingressHttps } from "#translate/listener-names";

/** Where the hosts of Ingresses and HTTPProxies are served: by listeners of their own, or those of a Gateway that they are attached to. */
export interface IngressSite {
  readonly fleet: FleetName;
  /** The listener for connections without TLS, as known in all fleets, or why there is none. */
  readonly http: Result<ListenerName, string>;
  /** The listener for connections with TLS. */
  readonly https: Result<ListenerName, string>;
}

const ownListeners: IngressSite = { fleet: commonFleet, http: ok(ingressHttp), https: ok(ingressHttps) };

/** The place that the Gateway of `settings.gatewayRef` offers. One bucket, "". */
const attachedSites = family<IngressSite>("attached-ingress-site");

/** Where the hosts of Ingresses and HTTPProxies are served. */
export function ingressSite(read: Reader, { gatewayRef }: Settings): IngressSite {
  if (gatewayRef === undefined) return ownListeners;
  const missing = fail(`Gateway ${objectKey(gatewayRef.namespace, gatewayRef.name)}, which Ingresses and HTTPProxies are attached to, does not exist, or its class is not served here`);
  return read.one(attachedSites, "") ?? { fleet: commonFleet, http: missing, https: missing };
}

/** Finds the listeners of the Gateway that Ingresses and HTTPProxies are attached to: exactly one for each protocol, as Go Contour wants it. */
export function attachIngresses(settings: Settings): Rule {
  return {
    name: "attach-ingress",
    over: gatewaySites,
    derive(bucket, read, emit) {
      const { gatewayRef } = settings;
      const site = read.one(gatewaySites, bucket);
      if (gatewayRef === undefined || site === undefined || bucket !== objectKey(gatewayRef.namespace, gatewayRef.name)) return;
      const listeners = read.all(offeredListeners, ownerKey({ kind: "Gateway", ...gatewayRef })).flatMap(({ shape, serves }) => (serves ? [shape] : []));
      emit(attachedSites, "", { fleet: site.fleet, http: only(bucket, listeners, ["HTTP"]), https: only(bucket, listeners, ["HTTPS", ingressHttpsProtocol]) });
    },
  };
}

function only(gateway: string, listeners: readonly ListenerShape[], protocols: readonly string[]): Result<ListenerName, string> {
  const found = listeners.filter(({ protocol }) => protocol !== undefined && protocols.includes(protocol));
  const [first] = found;
  if (first !== undefined && found.length === 1) return ok(first.envoyListener);
  const names = found.length === 0 ? "none" : `${found.length} (${found.map(({ name }) => name).join(", ")})`;
  return fail(`Ingresses and HTTPProxies are attached to Gateway ${gateway}, which must have exactly one valid listener of protocol ${protocols.join(" or ")}; it has ${names}`);
}

/** Hosts of Ingresses and HTTPProxies that are served. Bucket: `hostKey`. */
export const hostsOfIngress = family<true>("host-of-ingress");

/** Whether a listener may have hosts of Gateway API, too. */
export function isAttached(site: IngressSite): boolean {
  return site !== ownListeners;
}

/** What of Gateway API has a host already on a listener that is shared with it. */
export function takenByGateway(read: Reader, site: IngressSite, host: string): string | undefined {
  if (!isAttached(site)) return undefined;
  const { http, https } = site;
  const attachments = [http, https].flatMap((listener) => (listener.ok ? read.all(hostAttachments, hostKey(listener.value, host)) : []));
  const route = attachments.find(({ kind }) => kind === "route");
  if (route?.kind === "route") return `the host ${JSON.stringify(host)} is served by ${route.compiled.split(" ")[0]?.replace("/", " ")} on the same listener; only one may have it`;
  const stream = https.ok && read.any(streamAttachments, hostKey(https.value, host));
  if (stream) return `the connections for ${JSON.stringify(host)} are those of a route of Gateway API on the same listener; only one may have them`;
  return attachments.some(({ kind, protocol }) => kind === "listener" && protocol === "https" && host !== "*") ? `${JSON.stringify(host)} is the host of a listener of the Gateway, which has its own certificate for it; choose another host, or leave the hostname of that listener open` : undefined;
}
