import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { indexClaimsBelow } from "#translate/certificates/ownership";
import { gatewayWishes, listenerSetWishes } from "#translate/certificates/gateway-wishes";
import { ingressWishes, proxyWishes } from "#translate/certificates/wishes";
import { certificateRequestRule } from "#translate/certificates/requests";
import { backendTlsPolicyStatus, indexBackendTlsPolicies } from "#translate/gateway/backend-tls";
import { gatewayCertificates } from "#translate/gateway/certificates";
import { envoyListenerRule } from "#translate/gateway/envoy-listener";
import { readRuntimeSettings, settleFleets } from "#translate/gateway/fleet-configuration";
import { configureFleets, planFleets, planMembers } from "#translate/gateway/fleet-plan";
import { gatewayRule } from "#translate/gateway/gateway";
import { refuseGateways, validateFrontends } from "#translate/gateway/gateway-facts";
import { gatewayClassRule } from "#translate/gateway/gateway-class";
import { claimPorts, gatewayShapeRule, listenerSetShapes, listenerUnitRule } from "#translate/gateway/gateway-shape";
import { backendCertificateRule } from "#translate/gateway/gateway-tls";
import { listenerRule } from "#translate/gateway/listener";
import { attachListenerSets } from "#translate/gateway/listener-set";
import { listenerSetStatus } from "#translate/gateway/listener-set-status";
import { indexReferenceGrants } from "#translate/gateway/reference-grants";
import { attachRoutes } from "#translate/gateway/request-route/attach";
import { claimListeners } from "#translate/gateway/request-route/claims";
import { compileRoutes } from "#translate/gateway/request-route/compiled-route";
import { gatewayVirtualHosts } from "#translate/gateway/request-route/virtual-hosts";
import { indexGateways } from "#translate/gateway/site";
import { indexTrafficPolicies } from "#translate/gateway/traffic-policy/attach";
import { trafficPolicyStatus } from "#translate/gateway/traffic-policy/status";
import { attachStreamRoutes, serveStreams } from "#translate/gateway/stream-route/attach";

/** Gateway API up to where its routes attach, in layers. */
export function gatewayRules(settings: Settings): readonly Rule[] {
  return [
    indexReferenceGrants,
    readRuntimeSettings,
    gatewayClassRule(settings),
    indexGateways(settings),
    attachListenerSets,
    gatewayShapeRule(settings),
    listenerSetShapes,
    listenerUnitRule,
    claimPorts(settings),
    configureFleets(settings),
    settleFleets(settings),
    indexBackendTlsPolicies,
    indexTrafficPolicies(settings),
    backendCertificateRule(settings),
    ...(["HTTPRoute", "GRPCRoute"] as const).map((kind) => claimListeners(kind)),
    ...(["HTTPRoute", "GRPCRoute"] as const).flatMap((kind) => [compileRoutes(kind, settings), attachRoutes(kind, settings)]),
    ...(["TLSRoute", "TCPRoute", "UDPRoute"] as const).map((kind) => attachStreamRoutes(kind, settings)),
    backendTlsPolicyStatus(settings),
    trafficPolicyStatus(settings),
    proxyWishes(settings),
    ingressWishes(settings),
    gatewayWishes,
    listenerSetWishes,
    indexClaimsBelow,
    certificateRequestRule,
    gatewayCertificates,
    refuseGateways,
    validateFrontends,
    listenerRule(settings),
    envoyListenerRule(settings),
    serveStreams,
  ];
}

/** What is left when it is known which hosts Ingresses and HTTPProxies have on listeners of Gateways. */
export function gatewayHostRules(settings: Settings): readonly Rule[] {
  return [
    gatewayVirtualHosts(settings),
    listenerSetStatus,
    gatewayRule(settings),
    planMembers(settings),
    planFleets,
  ];
}
