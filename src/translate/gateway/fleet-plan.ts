import type { ContourDeployment } from "#gen/k8s/contour-deployment";
import { compareText } from "#lib/compare";
import type { FleetName } from "#model/fleet";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects } from "#translate/facts";
import { gatewayClasses } from "#translate/gateway/api";
import type { Gateway } from "#translate/gateway/api";
import { parametersProblem } from "#translate/gateway/gateway-class";
import { gatewayShapes, servesTraffic } from "#translate/gateway/gateway-shape";
import type { GatewayShape } from "#translate/gateway/gateway-shape";
import { ourGateway } from "#translate/gateway/site";

/** A port at which clients reach a fleet. */
export interface FleetPort {
  readonly name: string;
  readonly port: number;
  /** The port on which Envoy listens. */
  readonly envoyPort: number;
  readonly protocol: "TCP" | "UDP";
}

/** The Envoys that a Gateway is to have. */
export interface FleetPlan {
  readonly fleet: FleetName;
  readonly gateway: { readonly namespace: string; readonly name: string; readonly uid: string };
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

/** Bucket: `namespace/name` of the Gateway. "keep": its parameters are missing, so that its Envoys stay as they are. */
export const fleetPlans = family<FleetPlan | "keep">("fleet-plan");

/** The parameters that a Gateway names in its own namespace, or its class names anywhere; undefined where one of them is missing. */
export function gatewayParameters(read: Reader, gateway: Gateway): FleetPlan["parameters"] | undefined {
  const own = gateway.spec.infrastructure?.parametersRef;
  const general = read.one(gatewayClasses, objectKey("", gateway.spec.gatewayClassName))?.spec.parametersRef;
  const reference = own === undefined ? general : { ...own, namespace: gateway.metadata.namespace ?? "" };
  if (reference === undefined) return {};
  if (parametersProblem(read, reference) !== undefined) return undefined;
  const found = read.one(objects("ContourDeployment"), objectKey(reference.namespace ?? "", reference.name));
  return found === undefined ? undefined : (found.spec ?? {});
}

/** Plans the Envoys of each Gateway, where each has its own. */
export function planFleets(settings: Settings): Rule {
  return {
    name: "fleet-plan",
    over: gatewayShapes,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      const shape = read.one(gatewayShapes, bucket);
      const parameters = gateway === undefined ? undefined : gatewayParameters(read, gateway);
      if (settings.gatewaySites !== "own-fleet" || gateway === undefined || shape === undefined) return;
      if (parameters === undefined) return emit(fleetPlans, bucket, "keep");
      const { namespace = "", name, uid = "" } = gateway.metadata;
      const { labels = {}, annotations = {} } = gateway.spec.infrastructure ?? {};
      emit(fleetPlans, bucket, {
        fleet: shape.site.fleet,
        gateway: { namespace, name, uid },
        gatewayClass: gateway.spec.gatewayClassName,
        labels,
        annotations,
        ports: fleetPorts(settings, shape),
        addresses: (gateway.spec.addresses ?? []).flatMap(({ type = "IPAddress", value = "" }) => (value === "" ? [] : [{ type, value }])),
        parameters,
      });
    },
  };
}

/** One for each port, whatever listeners share it, as Kubernetes wants it. */
function fleetPorts(settings: Settings, shape: GatewayShape): readonly FleetPort[] {
  const ports = new Map<string, FleetPort>();
  for (const listener of shape.listeners) {
    const { transport, port } = listener;
    if (transport === undefined || !servesTraffic(shape, listener)) continue;
    const protocol = transport === "udp" ? "UDP" : "TCP";
    ports.set(`${protocol}/${port}`, { name: `${transport}-${port}`, port, envoyPort: settings.gatewayPort(port), protocol });
  }
  return [...ports.values()].toSorted((a, b) => a.port - b.port || compareText(a.protocol, b.protocol));
}
