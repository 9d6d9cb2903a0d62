import { gatewayEnvoyPort } from "#settings/settings";

/** What Envoys' pods have at these ports themselves: metrics and health, and the shutdown manager. */
const ofPods: readonly number[] = [8002, 8090];

/** The Envoy port of a Gateway's port, where Envoy serves Ingress and HTTPProxy hosts as well: never one of their two ports, nor one that its pod has for itself. */
export function gatewayPortBeside(taken: readonly number[]): (port: number) => number {
  return (port) => {
    let candidate = gatewayEnvoyPort(port);
    while (taken.includes(candidate) || ofPods.includes(candidate)) candidate += 1000;
    return candidate;
  };
}

/** The same in Envoys that a Gateway has for itself. */
export const gatewayPortAlone: (port: number) => number = gatewayPortBeside([]);
