import { createHash } from "node:crypto";
import type { FleetPlan } from "#translate/gateway/fleet-plan";

/** Names of Services and values of labels end here (RFC 1123, DNS label). */
const longestName = 63;

/** Whose Envoys an object belongs to, as Go Contour's provisioner writes it. */
export const owningGatewayLabel = "projectcontour.io/owning-gateway-name";

/** What Gateway API itself calls it. */
const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name";

/** Shortens what is too long so that different texts stay different. */
export function shortName(text: string): string {
  if (text.length <= longestName) return text;
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 8);
  return `${text.slice(0, longestName - digest.length - 1).replace(/[-.]+$/, "")}-${digest}`;
}

/** The name of the workload and Service of a fleet, by the name of its plan. */
export function envoyName(gateway: string): string {
  return shortName(`envoy-${gateway}`);
}

/** The name of the Secret with the certificate by which a Gateway's Envoys are known to the controller. */
export function certificateName(gateway: string): string {
  return shortName(`envoycert-${gateway}`);
}

/** What a Gateway's pods are found by. */
export function selectorLabels({ name }: Pick<FleetPlan, "name">): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/component": "envoy", [owningGatewayLabel]: shortName(name) };
}

/** The labels of everything that is made for a Gateway. */
export function fleetLabels(plan: FleetPlan): Readonly<Record<string, string>> {
  return {
    ...plan.parameters.resourceLabels,
    ...plan.labels,
    "app.kubernetes.io/name": "contour",
    "app.kubernetes.io/managed-by": "contour",
    "app.kubernetes.io/instance": shortName(plan.name),
    ...(plan.owner.kind === "Gateway" ? { [gatewayNameLabel]: shortName(plan.name) } : {}),
    ...selectorLabels(plan),
  };
}
