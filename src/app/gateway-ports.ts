import { gatewayEnvoyPort } from "#settings/settings";

/** The Envoy port of a Gateway's port, where Envoy serves Ingress and HTTPProxy hosts as well: never one of their two ports. */
export function gatewayPortBeside(taken: readonly number[]): (port: number) => number {
  return (port) => {
    let candidate = gatewayEnvoyPort(port);
    while (taken.includes(candidate)) candidate += 1000;
    return candidate;
  };
}
