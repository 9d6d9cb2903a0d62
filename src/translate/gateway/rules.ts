import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { gatewayCertificates } from "#translate/gateway/certificates";
import { gatewayRule } from "#translate/gateway/gateway";
import { gatewayClassRule } from "#translate/gateway/gateway-class";
import { gatewayShapeRule } from "#translate/gateway/gateway-shape";
import { attachHttpRoutes } from "#translate/gateway/http-route/attach";
import { compileHttpRoutes } from "#translate/gateway/http-route/compiled-route";
import { indexReferenceGrants } from "#translate/gateway/reference-grants";
import { gatewayVirtualHosts } from "#translate/gateway/virtual-hosts";

/**
 * Gateway API, in layers. Other kinds of routes (GRPCRoute, TLSRoute, TCPRoute, UDPRoute) come beside the two rules of
 * HTTPRoute: compile what a route says, attach it to listeners.
 */
export function gatewayRules(settings: Settings): readonly Rule[] {
  return [
    indexReferenceGrants,
    gatewayClassRule(settings),
    gatewayShapeRule(settings),
    compileHttpRoutes(settings),
    attachHttpRoutes(settings),
    gatewayCertificates,
    gatewayRule(settings),
    gatewayVirtualHosts,
  ];
}
