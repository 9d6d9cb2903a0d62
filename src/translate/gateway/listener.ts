import { inFleet, splitFleet } from "#model/fleet";
import { guardId } from "#model/listener";
import type { ClientValidation, TlsTermination } from "#model/listener";
import type { Origin } from "#model/origin";
import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { certificatesWanted, objectKey, servedElsewhere, sharedGuards, takenListeners } from "#translate/facts";
import { gateways, listenerSets } from "#translate/gateway/api";
import { attachedRoutes } from "#translate/gateway/attachment";
import { listenerCertificates, tlsClaims } from "#translate/gateway/certificates";
import { openPorts } from "#translate/gateway/envoy-listener";
import { settingsOfFleets } from "#translate/gateway/fleet-configuration";
import { frontendValidations, gatewayRefusals } from "#translate/gateway/gateway-facts";
import { listenerUnits, portClaims, portKey, strongestClaim } from "#translate/gateway/gateway-shape";
import type { ListenerUnit } from "#translate/gateway/gateway-shape";
import { portOfGateway } from "#translate/gateway/listener-index";
import { anyHost } from "#translate/gateway/hostnames";
import { hostKey } from "#translate/gateway/listener-names";
import { httpProtocol, ownerKey } from "#translate/gateway/listener-shape";
import type { ListenerOwner } from "#translate/gateway/listener-shape";
import { judgeListener } from "#translate/gateway/listener-status";
import type { ListenerState, ListenerVerdict } from "#translate/gateway/listener-status";
import { hostAttachments } from "#translate/gateway/request-route/host-attachments";
import { servedStreams } from "#translate/gateway/stream-route/served-streams";
import { listenerGuards } from "#translate/gateway/traffic-policy/attach";
import { listenerPlace } from "#translate/gateway/traffic-policy/places";
import { certificateWarnings } from "#translate/shared/secrets";
import { emitTlsHost } from "#translate/tls-hosts";

/** What was found out about the listeners of a Gateway or ListenerSet. Bucket: see `ownerKey`. */
export const listenerVerdicts = family<{ readonly position: number; readonly verdict: ListenerVerdict }>("gateway-listener-verdict");

/** Serves each valid listener, and says how it is. */
export function listenerRule(settings: Settings): Rule {
  const settingsOf = settingsOfFleets(settings);
  return {
    name: "gateway-listener",
    over: listenerUnits,
    derive(bucket, read, emit) {
      const unit = read.one(listenerUnits, bucket);
      if (unit === undefined) return;
      const state = listenerState(settings, read, unit);
      const { owner, position } = unit.shape;
      const verdict = judgeListener(state, ownerGeneration(read, owner));
      emit(listenerVerdicts, ownerKey(owner), { position, verdict });
      if (verdict.served) serve(settingsOf(read, unit.site.fleet), read, emit, state);
    },
  };
}

function ownerGeneration(read: Reader, { kind, namespace, name }: ListenerOwner): number {
  const key = objectKey(namespace, name);
  const owner = kind === "Gateway" ? read.one(gateways, key) : read.one(listenerSets, key);
  return owner?.metadata.generation ?? 0;
}

function listenerState(settings: Settings, read: Reader, unit: ListenerUnit): ListenerState {
  const { gateway, site, shape } = unit;
  const { transport, port, envoyListener } = shape;
  const portClaim = transport === undefined ? undefined : strongestClaim(read.all(portClaims, portKey(site, transport, settings.gatewayPort(port))));
  const tlsClaim = transport !== undefined && transport !== "http" ? strongestClaim(read.all(tlsClaims, hostKey(envoyListener, shape.host))) : undefined;
  const certificate = read.one(listenerCertificates, shape.key);
  const frontend = shape.protocol === "HTTPS" ? read.one(frontendValidations, portOfGateway(gateway, port)) : undefined;
  const refusal = read.one(gatewayRefusals, gateway);
  return {
    unit,
    ...(portClaim === undefined || (portClaim.transport === transport && portClaim.port === port) ? {} : { portTakenBy: portClaim }),
    ...(tlsClaim === undefined || tlsClaim.gateway === gateway ? {} : { hostTakenBy: tlsClaim }),
    ...(certificate === undefined ? {} : { certificate }),
    warnings: certificate?.ok === true ? certificateWarnings(read, certificate.value, shape.host === anyHost ? [] : [shape.host]) : [],
    ...(frontend === undefined ? {} : { frontend }),
    ...(refusal === undefined ? {} : { gatewayRefused: refusal.message }),
    takesIngresses: settings.gatewayRef !== undefined && gateway === objectKey(settings.gatewayRef.namespace, settings.gatewayRef.name),
    attachedRoutes: read.all(attachedRoutes, shape.key).length,
    taken: !settings.awaitEnvoys || read.any(takenListeners, envoyListener) || read.any(servedElsewhere, site.fleet),
  };
}

function serve(settings: Settings, read: Reader, emit: Emit, { unit: { gateway, site, shape }, certificate, frontend }: ListenerState): void {
  const { transport, envoyListener, host, port, owner, position } = shape;
  if (transport === undefined) return;
  emit(openPorts, envoyListener, { site, transport, port });
  const tls = certificate?.ok === true ? termination(settings, certificate.value.name, frontend?.client) : undefined;
  if (certificate?.ok === true) emit(certificatesWanted, inFleet(site.fleet, certificate.value.name), certificate.value);
  const protocol = httpProtocol(shape);
  // Where connections go is for routes to say.
  if (protocol === undefined) return emit(servedStreams, shape.key, tls === undefined ? {} : { tls });
  emit(hostAttachments, hostKey(envoyListener, host), { kind: "listener", listener: envoyListener, host, protocol, port, listenerHost: host, place: listenerPlace(gateway, shape) });
  const guards = [...new Map(read.all(listenerGuards, shape.key).map((guard) => [guardId(guard), guard])).values()];
  if (protocol === "http") for (const guard of guards) emit(sharedGuards, envoyListener, guard);
  const origin: Origin = { ...owner, field: `spec.listeners[${position}]` };
  if (tls !== undefined) emitTlsHost(emit, envoyListener, { kind: "http", listener: splitFleet(envoyListener).name, host, tls, filters: { guards, ...(guards.length === 0 ? {} : { shared: true }) }, origin });
}

function termination(settings: Settings, certificate: string, clientValidation: ClientValidation | undefined): TlsTermination {
  return { certificate, minimumVersion: settings.minimumTlsVersion, maximumVersion: settings.maximumTlsVersion, ...(clientValidation === undefined ? {} : { clientValidation }) };
}
