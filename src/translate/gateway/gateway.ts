import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { listenerServices } from "#translate/listener-services";
import { certificatesWanted, listeners, loadBalancerAddresses, statuses, tlsHosts } from "#translate/facts";
import { listenerCertificateKey, listenerCertificates, tlsClaims } from "#translate/gateway/certificates";
import { gatewayShapes, ourGateway, portClaims, strongestClaim } from "#translate/gateway/gateway-shape";
import type { ListenerShape } from "#translate/gateway/gateway-shape";
import { gatewayAddresses, gatewayRefusal, gatewayStatus } from "#translate/gateway/gateway-status";
import { hostAttachments } from "#translate/gateway/host-attachments";
import { attachedRoutes, attachedRoutesKey } from "#translate/gateway/http-route/attach";
import { hostKey } from "#translate/gateway/listener-names";
import { judgeListener } from "#translate/gateway/listener-status";
import type { ListenerState, ListenerVerdict } from "#translate/gateway/listener-status";

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
      const refusal = gatewayRefusal(gateway);
      const verdicts = shape.listeners.map((listener, i): ListenerVerdict => {
        const state = { ...listenerState(settings, read, bucket, listener), ...(refusal === undefined ? {} : { gatewayRefused: refusal.message }) };
        const verdict = judgeListener(shape, state, generation);
        if (verdict.programmed) serve(settings, read, emit, { kind: "Gateway", namespace, name, field: `spec.listeners[${i}]` }, state);
        return verdict;
      });
      const addresses = gatewayAddresses(read.all(loadBalancerAddresses, ""));
      emit(statuses, `Gateway/${bucket}`, { kind: "Gateway", namespace, name, generation, status: gatewayStatus(gateway, refusal, verdicts, addresses) });
    },
  };
}

function listenerState(settings: Settings, read: Reader, key: string, listener: ListenerShape): ListenerState {
  const portClaim = strongestClaim(read.all(portClaims, String(settings.gatewayPort(listener.port))));
  const tlsClaim = listener.protocol === "https" ? strongestClaim(read.all(tlsClaims, hostKey(listener.envoyListener, listener.host))) : undefined;
  const certificate = read.one(listenerCertificates, listenerCertificateKey(key, listener.name));
  return {
    shape: listener,
    ...(portClaim === undefined || portClaim.protocol === listener.protocol ? {} : { portTakenBy: portClaim }),
    ...(tlsClaim === undefined || tlsClaim.gateway === key ? {} : { hostTakenBy: tlsClaim }),
    ...(certificate === undefined ? {} : { certificate }),
    attachedRoutes: read.all(attachedRoutes, attachedRoutesKey(key, listener.name)).length,
  };
}

function serve(settings: Settings, read: Reader, emit: Emit, origin: { readonly kind: string; readonly namespace: string; readonly name: string; readonly field: string }, { shape, certificate }: ListenerState): void {
  const { protocol, envoyListener: listener, host, port } = shape;
  if (protocol === undefined) return;
  emit(listeners, listener, { name: listener, address: settings.gatewayAddress, port: settings.gatewayPort(port), protocol, proxyProtocol: settings.useProxyProtocol, ...listenerServices(read, settings) });
  emit(hostAttachments, hostKey(listener, host), { kind: "listener", listener, host, protocol, port });
  if (certificate?.ok !== true) return;
  emit(certificatesWanted, certificate.value.name, certificate.value);
  const tls = { certificate: certificate.value.name, minimumVersion: settings.minimumTlsVersion, maximumVersion: settings.maximumTlsVersion };
  emit(tlsHosts, listener, { kind: "http", listener, host, tls, filters: { guards: [] }, origin });
}
