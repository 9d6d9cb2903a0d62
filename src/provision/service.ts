import { selectorLabels } from "#provision/names";
import type { FleetPlan } from "#translate/gateway/fleet-plan";

const types: Readonly<Record<string, "LoadBalancer" | "NodePort" | "ClusterIP">> = { LoadBalancerService: "LoadBalancer", NodePortService: "NodePort", ClusterIPService: "ClusterIP" };

/** The type of the Service through which clients reach a Gateway's Envoys. */
export function serviceType({ parameters }: FleetPlan): "LoadBalancer" | "NodePort" | "ClusterIP" {
  return types[parameters.envoy?.networkPublishing?.type ?? ""] ?? "LoadBalancer";
}

/** The spec of that Service. The address that a Gateway wants is asked for as load balancers understand it. */
export function envoyService(plan: FleetPlan): object {
  const type = serviceType(plan);
  const { externalTrafficPolicy = "Local", ipFamilyPolicy = "SingleStack" } = plan.parameters.envoy?.networkPublishing ?? {};
  const address = plan.addresses.find((wanted) => wanted.type === "IPAddress")?.value;
  return {
    type,
    selector: selectorLabels(plan),
    ipFamilyPolicy,
    ports: plan.ports.map(({ name, port, envoyPort, protocol }) => ({ name, port, targetPort: envoyPort, protocol })),
    // Only there does the client's address get lost on the way, which Local prevents.
    ...(type === "ClusterIP" ? {} : { externalTrafficPolicy }),
    ...(type === "LoadBalancer" && address !== undefined ? { loadBalancerIP: address } : {}),
  };
}
