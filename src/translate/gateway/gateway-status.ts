import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Result } from "#lib/result";
import type { Reader } from "#store/family";
import type { Gateway } from "#translate/gateway/api";
import { parametersProblem } from "#translate/gateway/gateway-class";
import { allowsInsecureFallback } from "#translate/gateway/gateway-tls";
import type { GatewayTlsProblem } from "#translate/gateway/gateway-tls";
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

/** What was found out about a Gateway. */
export interface GatewayFindings {
  readonly refusal?: GatewayRefusal;
  /** Of its own listeners. */
  readonly verdicts: readonly ListenerVerdict[];
  /** Whether a listener of one of its ListenerSets is served. */
  readonly setsServe: boolean;
  /** How many ListenerSets are attached; absent where it has none. */
  readonly attachedListenerSets: number;
  readonly addresses: readonly GatewayAddress[];
  /** What became of its certificate for backends; absent where it names none. */
  readonly backendCertificate?: Result<unknown, GatewayTlsProblem>;
}

/** Checks what concerns a Gateway as a whole. */
export function gatewayRefusal(read: Reader, gateway: Gateway): GatewayRefusal | undefined {
  const parameters = gateway.spec.infrastructure?.parametersRef;
  const problem = parametersProblem(read, parameters === undefined ? undefined : { ...parameters, namespace: gateway.metadata.namespace ?? "" });
  if (problem !== undefined) return { reason: "InvalidParameters", message: `spec.infrastructure.parametersRef: ${problem}` };
  const type = (gateway.spec.addresses ?? []).map((address) => address.type ?? "IPAddress").find((candidate) => candidate !== "IPAddress" && candidate !== "Hostname");
  return type === undefined ? undefined : { reason: "UnsupportedAddress", message: `spec.addresses: the type ${JSON.stringify(type)} is not supported; use IPAddress or Hostname` };
}

/** The addresses of the load balancer as Gateway API writes them. */
export function gatewayAddresses(found: readonly { readonly ip?: string; readonly hostname?: string }[]): readonly GatewayAddress[] {
  return found.flatMap(({ ip, hostname }) => [...(ip === undefined ? [] : [{ type: "IPAddress" as const, value: ip }]), ...(hostname === undefined ? [] : [{ type: "Hostname" as const, value: hostname }])]);
}

/** The status of a Gateway from what was found out about it. */
export function gatewayStatus(gateway: Gateway, findings: GatewayFindings): Readonly<Record<string, unknown>> {
  const generation = gateway.metadata.generation ?? 0;
  const { verdicts, addresses, attachedListenerSets } = findings;
  const fallback = allowsInsecureFallback(gateway) ? [condition("Gateway", "InsecureFrontendValidationMode", "True", "ConfigurationChanged", "clients whose certificate does not fit are let in: a mode of spec.tls.frontend is AllowInsecureFallback", generation)] : [];
  return {
    addresses: addresses.filter(({ value }) => isWanted(gateway, value)),
    conditions: [acceptedCondition(findings, generation), programmedCondition(gateway, findings, generation), ...resolvedRefs(findings, generation), ...fallback],
    listeners: verdicts.map(({ status }) => status),
    ...(gateway.spec.allowedListeners === undefined && attachedListenerSets === 0 ? {} : { attachedListenerSets }),
  };
}

function resolvedRefs({ backendCertificate }: GatewayFindings, generation: number): readonly Condition[] {
  if (backendCertificate === undefined) return [];
  if (backendCertificate.ok) return [condition("Gateway", "ResolvedRefs", "True", "ResolvedRefs", "all references of the Gateway are resolved", generation)];
  return [condition("Gateway", "ResolvedRefs", "False", backendCertificate.error.reason, backendCertificate.error.message, generation)];
}

function wantedValues(gateway: Gateway): readonly string[] {
  return (gateway.spec.addresses ?? []).flatMap(({ value }) => (value === undefined || value === "" ? [] : [value]));
}

/** A Gateway that names no addresses gets all that there are. */
function isWanted(gateway: Gateway, value: string): boolean {
  const wanted = wantedValues(gateway);
  return wanted.length === 0 || wanted.includes(value);
}

function acceptedCondition({ refusal, verdicts }: GatewayFindings, generation: number): Condition {
  if (refusal !== undefined) return condition("Gateway", "Accepted", "False", refusal.reason, refusal.message, generation);
  const refused = verdicts.filter(({ accepted }) => !accepted).map(({ status }) => String(status["name"]));
  if (refused.length === 0) return condition("Gateway", "Accepted", "True", "Accepted", "the Gateway is valid", generation);
  const message = `listeners that are not accepted: ${refused.join(", ")}; their own conditions say why`;
  return condition("Gateway", "Accepted", refused.length < verdicts.length ? "True" : "False", "ListenersNotValid", message, generation);
}

function programmedCondition(gateway: Gateway, { refusal, verdicts, setsServe, addresses }: GatewayFindings, generation: number): Condition {
  const refuse = (reason: "Invalid" | "AddressNotAssigned" | "AddressNotUsable" | "Pending", message: string): Condition => condition("Gateway", "Programmed", "False", reason, message, generation);
  if (refusal !== undefined) return refuse("Invalid", refusal.message);
  if (!verdicts.some(({ served }) => served) && !setsServe) return refuse("Invalid", "no listener of the Gateway is served; their own conditions say why");
  const missing = wantedValues(gateway).filter((value) => !addresses.some((address) => address.value === value));
  if (missing.length > 0) return refuse("AddressNotUsable", addresses.length === 0 ? `spec.addresses: Envoy has not got ${missing.join(", ")}` : `spec.addresses: Envoy does not have ${missing.join(", ")}; it has ${addresses.map(({ value }) => value).join(", ")}`);
  if (addresses.length === 0) return refuse("AddressNotAssigned", "Envoy has no address yet: its Service has none, or none is configured");
  if (!verdicts.some(({ programmed }) => programmed) && !setsServe) return refuse("Pending", "no Envoy of the Gateway has taken a listener yet");
  return condition("Gateway", "Programmed", "True", "Programmed", "the Gateway is served", generation);
}
