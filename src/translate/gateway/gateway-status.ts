import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Gateway } from "#translate/gateway/api";
import type { ListenerVerdict } from "#translate/gateway/listener-status";

/** An address as the status of a Gateway shows it. */
export interface GatewayAddress {
  readonly type: "IPAddress" | "Hostname";
  readonly value: string;
}

/** Why a Gateway as a whole cannot be served. */
export interface GatewayRefusal {
  readonly reason: "UnsupportedAddress" | "InvalidParameters";
  readonly message: string;
}

/** Checks what concerns a Gateway as a whole. */
export function gatewayRefusal(gateway: Gateway): GatewayRefusal | undefined {
  const parameters = gateway.spec.infrastructure?.parametersRef;
  if (parameters !== undefined) return { reason: "InvalidParameters", message: `spec.infrastructure.parametersRef names a ${parameters.group}/${parameters.kind}; no kind of parameters is known` };
  const type = (gateway.spec.addresses ?? []).map((address) => address.type ?? "IPAddress").find((candidate) => candidate !== "IPAddress" && candidate !== "Hostname");
  return type === undefined ? undefined : { reason: "UnsupportedAddress", message: `spec.addresses: the type ${JSON.stringify(type)} is not supported; use IPAddress or Hostname` };
}

/** The addresses of the load balancer as Gateway API writes them. */
export function gatewayAddresses(found: readonly { readonly ip?: string; readonly hostname?: string }[]): readonly GatewayAddress[] {
  return found.flatMap(({ ip, hostname }) => [...(ip === undefined ? [] : [{ type: "IPAddress" as const, value: ip }]), ...(hostname === undefined ? [] : [{ type: "Hostname" as const, value: hostname }])]);
}

/** The status of a Gateway from what was found out about its listeners. */
export function gatewayStatus(gateway: Gateway, refusal: GatewayRefusal | undefined, verdicts: readonly ListenerVerdict[], addresses: readonly GatewayAddress[]): Readonly<Record<string, unknown>> {
  const generation = gateway.metadata.generation ?? 0;
  const missing = missingAddresses(gateway, addresses);
  return {
    addresses: addresses.filter(({ value }) => isWanted(gateway, value)),
    conditions: [acceptedCondition(refusal, verdicts, generation), programmedCondition(refusal, verdicts, addresses, missing, generation)],
    listeners: verdicts.map(({ status }) => status),
  };
}

function wantedValues(gateway: Gateway): readonly string[] {
  return (gateway.spec.addresses ?? []).flatMap(({ value }) => (value === undefined || value === "" ? [] : [value]));
}

/** A Gateway that names no addresses gets all that there are. */
function isWanted(gateway: Gateway, value: string): boolean {
  const wanted = wantedValues(gateway);
  return wanted.length === 0 || wanted.includes(value);
}

function missingAddresses(gateway: Gateway, addresses: readonly GatewayAddress[]): readonly string[] {
  return wantedValues(gateway).filter((value) => !addresses.some((address) => address.value === value));
}

function acceptedCondition(refusal: GatewayRefusal | undefined, verdicts: readonly ListenerVerdict[], generation: number): Condition {
  if (refusal !== undefined) return condition("Gateway", "Accepted", "False", refusal.reason, refusal.message, generation);
  const refused = verdicts.filter(({ accepted }) => !accepted).map(({ status }) => String(status["name"]));
  if (refused.length === 0) return condition("Gateway", "Accepted", "True", "Accepted", "the Gateway is valid", generation);
  const message = `listeners that are not accepted: ${refused.join(", ")}; their own conditions say why`;
  return condition("Gateway", "Accepted", refused.length < verdicts.length ? "True" : "False", "ListenersNotValid", message, generation);
}

function programmedCondition(refusal: GatewayRefusal | undefined, verdicts: readonly ListenerVerdict[], addresses: readonly GatewayAddress[], missing: readonly string[], generation: number): Condition {
  const refuse = (reason: "Invalid" | "AddressNotAssigned" | "AddressNotUsable", message: string): Condition => condition("Gateway", "Programmed", "False", reason, message, generation);
  if (refusal !== undefined) return refuse("Invalid", refusal.message);
  if (!verdicts.some(({ programmed }) => programmed)) return refuse("Invalid", "no listener of the Gateway is served; their own conditions say why");
  if (addresses.length === 0) return refuse("AddressNotAssigned", "Envoy has no address yet: its Service has none, or none is configured");
  if (missing.length > 0) return refuse("AddressNotUsable", `spec.addresses: Envoy does not have ${missing.join(", ")}; it has ${addresses.map(({ value }) => value).join(", ")}`);
  return condition("Gateway", "Programmed", "True", "Programmed", "the Gateway is served", generation);
}
