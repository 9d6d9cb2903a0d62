import { inFleet, splitFleet } from "#model/fleet";
import { guardId } from "#model/listener";
import type { ClientValidation, TlsTermination } from "#model/listener";
import type { Origin } from "#model/origin";
import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { listenerServices } from "#translate/listener-services";
import { certificatesWanted, listeners, loadBalancerAddresses, objectKey, sharedGuards, statuses, takenListeners, tlsHosts } from "#translate/facts";
import type { Gateway } from "#translate/gateway/api";
import { listenerSets } from "#translate/gateway/api";
import { attachedRoutes } from "#translate/gateway/attachment";
import { listenerCertificates, tlsClaims } from "#translate/gateway/certificates";
import { gatewayShapes, portClaims, portKey, strongestClaim } from "#translate/gateway/gateway-shape";
import type { GatewayShape } from "#translate/gateway/gateway-shape";
import { gatewayAddresses, gatewayRefusal, gatewayStatus } from "#translate/gateway/gateway-status";
import type { GatewayAddress } from "#translate/gateway/gateway-status";
import { backendCertificates, frontendValidation } from "#translate/gateway/gateway-tls";
import { hostKey } from "#translate/gateway/listener-names";
import { attachedListenerSets } from "#translate/gateway/listener-set";
import { httpProtocol } from "#translate/gateway/listener-shape";
import type { ListenerShape } from "#translate/gateway/listener-shape";
import { judgeListener } from "#translate/gateway/listener-status";
import type { ListenerState, ListenerVerdict } from "#translate/gateway/listener-status";
import { findOverlaps } from "#translate/gateway/overlaps";
import { hostAttachments } from "#translate/gateway/request-route/host-attachments";
import { listenerGuards, shareService } from "#translate/gateway/traffic-policy/attach";
import { listenerPlace } from "#translate/gateway/traffic-policy/places";
import { ourGateway } from "#translate/gateway/site";
import { servedStreams } from "#translate/gateway/stream-route/served-streams";

/** What was found out about the listeners of a ListenerSet, in their order. Bucket: `namespace/name`. */
export const listenerSetVerdicts = family<{ readonly position: number; readonly verdict: ListenerVerdict; readonly parentRefused: boolean }>("listener-set-verdict");

/** Serves the valid listeners of each Gateway, and says in its status how it is. */
export function gatewayRule(settings: Settings): Rule {
  return {
    name: "gateway",
    over: gatewayShapes,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      const shape = read.one(gatewayShapes, bucket);
      if (gateway === undefined || shape === undefined) return;
      const { namespace = "", name, generation = 0 } = gateway.metadata;
      const refusal = gatewayRefusal(read, gateway);
      const overlaps = findOverlaps(shape);
      const judged = shape.listeners.map((listener) => {
        const state = { ...listenerState(settings, read, gateway, bucket, shape, listener), overlaps: overlaps.get(listener.key) ?? [], ...(refusal === undefined ? {} : { gatewayRefused: refusal.message }) };
        const verdict = judgeListener(shape, state, ownerGeneration(read, listener, generation));
        if (verdict.served) serve(settings, read, emit, gateway, shape, state);
        if (listener.owner.kind === "ListenerSet") emit(listenerSetVerdicts, objectKey(listener.owner.namespace, listener.owner.name), { position: listener.position, verdict, parentRefused: refusal !== undefined });
        return { listener, verdict };
      });
      const own = judged.filter(({ listener }) => listener.owner.kind === "Gateway").map(({ verdict }) => verdict);
      const sets = judged.filter(({ listener }) => listener.owner.kind === "ListenerSet");
      const accepted = new Set(sets.filter(({ verdict }) => verdict.accepted && verdict.served).map(({ listener }) => objectKey(listener.owner.namespace, listener.owner.name)));
      const backendCertificate = read.one(backendCertificates, bucket);
      const findings = {
        ...(refusal === undefined ? {} : { refusal }),
        verdicts: own,
        setsServe: sets.some(({ verdict }) => verdict.programmed),
        attachedListenerSets: read.all(attachedListenerSets, bucket).filter(({ key }) => accepted.has(key)).length,
        addresses: addressesOf(settings, read, shape),
        ...(backendCertificate === undefined ? {} : { backendCertificate }),
      };
      emit(statuses, `Gateway/${bucket}`, { kind: "Gateway", namespace, name, generation, status: gatewayStatus(gateway, findings) });
    },
  };
}

function ownerGeneration(read: Reader, { owner }: ListenerShape, gateway: number): number {
  return owner.kind === "Gateway" ? gateway : (read.one(listenerSets, objectKey(owner.namespace, owner.name))?.metadata.generation ?? 0);
}

function addressesOf(settings: Settings, read: Reader, { site }: GatewayShape): readonly GatewayAddress[] {
  if (settings.gatewaySites === "own-address") return [{ type: "IPAddress", value: site.address }];
  return gatewayAddresses(read.all(loadBalancerAddresses, site.fleet));
}

function listenerState(settings: Settings, read: Reader, gateway: Gateway, key: string, { site }: GatewayShape, listener: ListenerShape): ListenerState {
  const { transport } = listener;
  const portClaim = transport === undefined ? undefined : strongestClaim(read.all(portClaims, portKey(site, transport, settings.gatewayPort(listener.port))));
  const tlsClaim = transport !== undefined && transport !== "http" ? strongestClaim(read.all(tlsClaims, hostKey(listener.envoyListener, listener.host))) : undefined;
  const certificate = read.one(listenerCertificates, listener.key);
  const frontend = listener.protocol === "HTTPS" ? frontendValidation(read, gateway, listener.port) : undefined;
  return {
    shape: listener,
    ...(portClaim === undefined || (portClaim.transport === transport && portClaim.port === listener.port) ? {} : { portTakenBy: portClaim }),
    ...(tlsClaim === undefined || tlsClaim.gateway === key ? {} : { hostTakenBy: tlsClaim }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(frontend === undefined ? {} : { frontend }),
    attachedRoutes: read.all(attachedRoutes, listener.key).length,
    taken: !settings.awaitEnvoys || read.any(takenListeners, listener.envoyListener),
  };
}

function serve(settings: Settings, read: Reader, emit: Emit, gateway: Gateway, { site }: GatewayShape, { shape, certificate, frontend }: ListenerState): void {
  const { transport, envoyListener, host, port, owner, position } = shape;
  if (transport === undefined) return;
  const { name } = splitFleet(envoyListener);
  const services = listenerServices(read, settings);
  emit(listeners, envoyListener, { name, address: site.address, port: settings.gatewayPort(port), protocol: transport, proxyProtocol: transport !== "udp" && settings.useProxyProtocol, ...services, ...(transport === "http" || transport === "https" ? { sessions: true } : {}) });
  for (const service of [services.authorization, services.rateLimitService]) if (service !== undefined) shareService(read, emit, service.cluster, site.fleet);
  const tls = certificate?.ok === true ? termination(settings, certificate.value.name, frontend?.client) : undefined;
  if (certificate?.ok === true) emit(certificatesWanted, inFleet(site.fleet, certificate.value.name), certificate.value);
  const protocol = httpProtocol(shape);
  // Where connections go is for routes to say.
  if (protocol === undefined) return emit(servedStreams, shape.key, tls === undefined ? {} : { tls });
  emit(hostAttachments, hostKey(envoyListener, host), { kind: "listener", listener: envoyListener, host, protocol, port, listenerHost: host, place: listenerPlace(objectKey(gateway.metadata.namespace ?? "", gateway.metadata.name), shape) });
  const guards = [...new Map(read.all(listenerGuards, shape.key).map((guard) => [guardId(guard), guard])).values()];
  if (protocol === "http") for (const guard of guards) emit(sharedGuards, envoyListener, guard);
  const origin: Origin = { ...owner, field: `spec.listeners[${position}]` };
  if (tls !== undefined) emit(tlsHosts, envoyListener, { kind: "http", listener: name, host, tls, filters: { guards, ...(guards.length === 0 ? {} : { shared: true }) }, origin });
}

function termination(settings: Settings, certificate: string, clientValidation: ClientValidation | undefined): TlsTermination {
  return { certificate, minimumVersion: settings.minimumTlsVersion, maximumVersion: settings.maximumTlsVersion, ...(clientValidation === undefined ? {} : { clientValidation }) };
}
