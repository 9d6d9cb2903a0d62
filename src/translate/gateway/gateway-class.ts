import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import { Bug } from "#lib/bug";
import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { family } from "#store/family";
import { statuses } from "#translate/facts";
import { gatewayClasses } from "#translate/gateway/api";
import type { GatewayClass } from "#translate/gateway/api";

/** GatewayClasses that are ours and accepted. Bucket: `/name`. */
export const acceptedClasses = family<true>("accepted-gateway-class");

/** The features of Gateway API's conformance suite that are implemented, in the order of their names. */
export const supportedFeatures = [
  "Gateway",
  "GatewayHTTPListenerIsolation",
  "GatewayPort8080",
  "HTTPRoute",
  "HTTPRoute303RedirectStatusCode",
  "HTTPRoute307RedirectStatusCode",
  "HTTPRoute308RedirectStatusCode",
  "HTTPRouteBackendProtocolH2C",
  "HTTPRouteBackendProtocolWebSocket",
  "HTTPRouteBackendRequestHeaderModification",
  "HTTPRouteBackendTimeout",
  "HTTPRouteHostRewrite",
  "HTTPRouteMethodMatching",
  "HTTPRouteNamedRouteRule",
  "HTTPRouteParentRefPort",
  "HTTPRoutePathRedirect",
  "HTTPRoutePathRewrite",
  "HTTPRoutePortRedirect",
  "HTTPRouteQueryParamMatching",
  "HTTPRouteRequestMirror",
  "HTTPRouteRequestMultipleMirrors",
  "HTTPRouteRequestPercentageMirror",
  "HTTPRouteRequestTimeout",
  "HTTPRouteResponseHeaderModification",
  "HTTPRouteSchemeRedirect",
  "ReferenceGrant",
] as const;

/** Accepts the GatewayClasses whose controller is this one; says nothing about others. */
export function gatewayClassRule(settings: Settings): Rule {
  return {
    name: "gateway-class",
    over: gatewayClasses,
    derive(bucket, read, emit) {
      const gatewayClass = read.one(gatewayClasses, bucket);
      if (gatewayClass === undefined) throw new Bug(`no GatewayClass ${bucket}`);
      if (gatewayClass.spec.controllerName !== settings.gatewayControllerName) return;
      const { name, generation = 0 } = gatewayClass.metadata;
      const accepted = acceptance(gatewayClass, generation);
      if (accepted.status === "True") emit(acceptedClasses, bucket, true);
      const status = { conditions: [accepted], supportedFeatures: supportedFeatures.map((feature) => ({ name: feature })) };
      emit(statuses, `GatewayClass/${bucket}`, { kind: "GatewayClass", namespace: "", name, generation, status });
    },
  };
}

function acceptance(gatewayClass: GatewayClass, generation: number): Condition {
  const parameters = gatewayClass.spec.parametersRef;
  // Contour's own parameters belong to the provisioner; a class that names them must still work with `contour serve`.
  const known = parameters === undefined || (parameters.group === "projectcontour.io" && parameters.kind === "ContourDeployment");
  if (known) return condition("GatewayClass", "Accepted", "True", "Accepted", "this controller serves Gateways of this class", generation);
  const message = `spec.parametersRef names a ${parameters.group}/${parameters.kind}; only projectcontour.io/ContourDeployment is known`;
  return condition("GatewayClass", "Accepted", "False", "InvalidParameters", message, generation);
}
