import type { ContourDeployment } from "#gen/k8s/contour-deployment";
import { compareText } from "#lib/compare";
import type { FleetName } from "#model/fleet";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects } from "#translate/facts";
import { gatewayClasses } from "#translate/gateway/api";
import type { ApiReference, Gateway } from "#translate/gateway/api";
import { fleetConfigurations, runtimeSettings, settingsOfFleets } from "#translate/gateway/fleet-configuration";
import { parametersProblem } from "#translate/gateway/gateway-class";
import { portsOfGateway } from "#translate/gateway/gateway-shape";
import type { Transport } from "#translate/gateway/listener-names";
import { http3 } from "#translate/listener-services";
import { classFleet, compareGateways, gatewaySites, ourGateway } from "#translate/gateway/site";

/** A port at which clients reach a fleet. */
export interface FleetPort {
  readonly name: string;
  readonly port: number;
  /** The port on which Envoy listens. */
  readonly envoyPort: number;
  readonly protocol: "TCP" | "UDP";
}

/** The Envoys that a Gateway is to have, or all Gateways of a class that merges them. */
export interface FleetPlan {
  readonly fleet: FleetName;
  readonly namespace: string;
  /** What the objects are called after. */
  readonly name: string;
  /** With whom they go. */
  readonly owner: { readonly kind: "Gateway" | "GatewayClass"; readonly name: string; readonly uid: string };
  readonly gatewayClass: string;
  /** For everything that is made for the Gateway (Gateway, `spec.infrastructure`). */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly ports: readonly FleetPort[];
  /** Addresses that the Gateway wants. */
  readonly addresses: readonly { readonly type: string; readonly value: string }[];
  /** What the Gateway's own parameters say or, without them, those of its class. */
  readonly parameters: NonNullable<ContourDeployment["spec"]>;
}

/** What one Gateway wants of its fleet. "keep": its parameters are missing. */
type FleetMember = { readonly gateway: string; readonly created: string } & ({ readonly kind: "keep" } | { readonly kind: "plan"; readonly plan: FleetPlan });

/** Bucket: the fleet. */
const fleetMembers = family<FleetMember>("fleet-member");

/** Bucket: the fleet. "keep": its parameters are missing, so that its Envoys stay as they are. */
export const fleetPlans = family<FleetPlan | "keep">("fleet-plan");

/** The parameters that count for a Gateway: its own, else those of its class. */
function parametersReference(read: Reader, gateway: Gateway): ApiReference | undefined {
  const own = gateway.spec.infrastructure?.parametersRef;
  if (own !== undefined) return { ...own, namespace: gateway.metadata.namespace ?? "" };
  return read.one(gatewayClasses, objectKey("", gateway.spec.gatewayClassName))?.spec.parametersRef;
}

/** The parameters that a Gateway names in its own namespace, or its class names anywhere; undefined where one of them is missing. */
export function gatewayParameters(read: Reader, gateway: Gateway): FleetPlan["parameters"] | undefined {
  const reference = parametersReference(read, gateway);
  if (reference === undefined) return {};
  if (parametersProblem(read, reference) !== undefined) return undefined;
  const found = read.one(objects("ContourDeployment"), objectKey(reference.namespace ?? "", reference.name));
  return found === undefined ? undefined : (found.spec ?? {});
}

/** Says how the Envoys of each fleet are configured where that differs from the installation's (ContourDeployment, `spec.runtimeSettings`). */
export function configureFleets(settings: Settings): Rule {
  return {
    name: "fleet-configuration",
    over: gatewaySites,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      const site = read.one(gatewaySites, bucket);
      if (settings.gatewaySites !== "own-fleet" || gateway === undefined || site === undefined) return;
      const reference = parametersReference(read, gateway);
      const found = reference === undefined ? undefined : read.one(runtimeSettings, objectKey(reference.namespace ?? "", reference.name));
      if (found?.ok === true) emit(fleetConfigurations, site.fleet, found.value);
    },
  };
}

/** Says what each Gateway wants of its Envoys, where those are made. */
export function planMembers(settings: Settings): Rule {
  const settingsOf = settingsOfFleets(settings);
  return {
    name: "fleet-member",
    over: gatewaySites,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      const site = read.one(gatewaySites, bucket);
      if (settings.gatewaySites !== "own-fleet" || gateway === undefined || site === undefined) return;
      const parameters = gatewayParameters(read, gateway);
      const { fleet, created } = site;
      const member = { gateway: bucket, created };
      if (parameters === undefined) return emit(fleetMembers, fleet, { ...member, kind: "keep" });
      emit(fleetMembers, fleet, { ...member, kind: "plan", plan: { ...ownerOf(read, settings, gateway, fleet), fleet, gatewayClass: gateway.spec.gatewayClassName, ports: fleetPorts(settings, takesQuic(settingsOf(read, fleet)), read.all(portsOfGateway, bucket)), addresses: wantedAddresses(gateway), parameters } });
    },
  };
}

/** What several Gateways share goes with their class, and has labels of none of them. */
function ownerOf(read: Reader, { controllerNamespace }: Settings, gateway: Gateway, fleet: FleetName): Pick<FleetPlan, "namespace" | "name" | "owner" | "labels" | "annotations"> {
  const { gatewayClassName, infrastructure } = gateway.spec;
  if (fleet === classFleet(gatewayClassName)) {
    const uid = read.one(gatewayClasses, objectKey("", gatewayClassName))?.metadata.uid ?? "";
    return { namespace: controllerNamespace, name: `class-${gatewayClassName}`, owner: { kind: "GatewayClass", name: gatewayClassName, uid }, labels: {}, annotations: {} };
  }
  const { namespace = "", name, uid = "" } = gateway.metadata;
  return { namespace, name, owner: { kind: "Gateway", name, uid }, labels: infrastructure?.labels ?? {}, annotations: infrastructure?.annotations ?? {} };
}

function wantedAddresses({ spec: { addresses = [] } }: Gateway): FleetPlan["addresses"] {
  return addresses.flatMap(({ type = "IPAddress", value = "" }) => (value === "" ? [] : [{ type, value }]));
}

/** Plans each fleet for all Gateways that have it. */
export const planFleets: Rule = {
  name: "fleet-plan",
  over: fleetMembers,
  derive(bucket, read, emit) {
    const members = read.all(fleetMembers, bucket).toSorted(compareGateways);
    const plans = members.flatMap((member) => (member.kind === "plan" ? [member.plan] : []));
    const [first, ...rest] = plans;
    if (first === undefined || plans.length < members.length) return emit(fleetPlans, bucket, "keep");
    const ports = new Map([first, ...rest].flatMap((plan) => plan.ports).toReversed().map((port) => [`${port.protocol}/${port.port}`, port]));
    emit(fleetPlans, bucket, { ...first, ports: [...ports.values()].toSorted(comparePorts), addresses: plans.flatMap((plan) => plan.addresses) });
  },
};

function comparePorts(a: FleetPort, b: FleetPort): number {
  return a.port - b.port || compareText(a.protocol, b.protocol);
}

function takesQuic(settings: Settings): boolean {
  return http3(settings, 0).http3Port !== undefined;
}

/** One for each port and protocol of a Service, as Kubernetes wants it. */
function fleetPorts(settings: Settings, quic: boolean, served: readonly { readonly transport: Transport; readonly port: number }[]): readonly FleetPort[] {
  const ports = new Map<string, FleetPort>();
  const open = (name: string, port: number, protocol: FleetPort["protocol"]): unknown => ports.set(`${protocol}/${port}`, { name, port, envoyPort: settings.gatewayPort(port), protocol });
  if (quic) for (const { transport, port } of served) if (transport === "https") open(`quic-${port}`, port, "UDP");
  // A listener for UDP comes before HTTP/3 at its port.
  for (const { transport, port } of served) open(`${transport}-${port}`, port, transport === "udp" ? "UDP" : "TCP");
  return [...ports.values()].toSorted(comparePorts);
}
