import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import { Bug } from "#lib/bug";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects, standardApi, statuses } from "#translate/facts";
import { gatewayClasses } from "#translate/gateway/api";
import type { ApiReference, GatewayClass } from "#translate/gateway/api";
import { runtimeSettingsProblem } from "#translate/gateway/fleet-configuration";

/** GatewayClasses whose Gateways we serve. Bucket: `/name`. */
export const acceptedClasses = family<true>("accepted-gateway-class");

/** The features of Gateway API's conformance suite that are implemented, in the order of their names. */
export const supportedFeatures = [
  "BackendTLSPolicy",
  "BackendTLSPolicySANValidation",
  "GRPCRoute",
  "GRPCRouteNamedRouteRule",
  "Gateway",
  "GatewayAddressEmpty",
  "GatewayBackendClientCertificate",
  "GatewayFrontendClientCertificateValidation",
  "GatewayFrontendClientCertificateValidationInsecureFallback",
  "GatewayHTTPListenerIsolation",
  "GatewayHTTPSListenerDetectMisdirectedRequests",
  "GatewayInfrastructurePropagation",
  "GatewayPort8080",
  "GatewayStaticAddresses",
  "HTTPRoute",
  "HTTPRoute303RedirectStatusCode",
  "HTTPRoute307RedirectStatusCode",
  "HTTPRoute308RedirectStatusCode",
  "HTTPRouteBackendProtocolH2C",
  "HTTPRouteBackendProtocolWebSocket",
  "HTTPRouteBackendRequestHeaderModification",
  "HTTPRouteBackendTimeout",
  "HTTPRouteCORS",
  "HTTPRouteDestinationPortMatching",
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
  "HTTPRouteRetry",
  "HTTPRouteRetryBackendTimeout",
  "HTTPRouteRetryConnectionError",
  "HTTPRouteSchemeRedirect",
  "ListenerSet",
  "ReferenceGrant",
  "TCPRoute",
  "TLSRoute",
  "TLSRouteModeMixed",
  "TLSRouteModeTerminate",
  "UDPRoute",
] as const;

/** Those whose fields only the experimental CRDs have. */
const experimentalFeatures: readonly string[] = ["HTTPRouteDestinationPortMatching", "HTTPRouteRetry", "HTTPRouteRetryBackendTimeout", "HTTPRouteRetryConnectionError"];

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
      const accepted = acceptance(read, gatewayClass, generation);
      // Parameters that have gone, maybe by mistake, must not take down the Gateways that were made with them.
      if (accepted.status === "True" || isContourDeployment(gatewayClass.spec.parametersRef)) emit(acceptedClasses, bucket, true);
      const features = supportedFeatures.filter((feature) => !read.any(standardApi, "") || !experimentalFeatures.includes(feature));
      const status = { conditions: [accepted], supportedFeatures: features.map((feature) => ({ name: feature })) };
      emit(statuses, `GatewayClass/${bucket}`, { kind: "GatewayClass", namespace: "", name, generation, status });
    },
  };
}

function acceptance(read: Reader, gatewayClass: GatewayClass, generation: number): Condition {
  const problem = parametersProblem(read, gatewayClass.spec.parametersRef);
  if (problem === undefined) return condition("GatewayClass", "Accepted", "True", "Accepted", "this controller serves Gateways of this class", generation);
  return condition("GatewayClass", "Accepted", "False", "InvalidParameters", `spec.parametersRef: ${problem}`, generation);
}

function isContourDeployment(reference: ApiReference | undefined): boolean {
  return reference?.group === "projectcontour.io" && reference.kind === "ContourDeployment";
}

/** Why a reference to parameters leads nowhere, or to some that cannot be used. */
export function parametersProblem(read: Reader, reference: ApiReference | undefined): string | undefined {
  if (reference === undefined) return undefined;
  const { group, kind, namespace = "", name } = reference;
  if (!isContourDeployment(reference)) return `a ${group}/${kind} is not known here; only projectcontour.io/ContourDeployment is`;
  if (read.any(objects("ContourDeployment"), objectKey(namespace, name))) return runtimeSettingsProblem(read, namespace, name);
  return `there is no ContourDeployment ${JSON.stringify(name)} in namespace ${JSON.stringify(namespace)}`;
}
