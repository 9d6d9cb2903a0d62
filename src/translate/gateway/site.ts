import { compareText } from "#lib/compare";
import { commonFleet, inFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { ListenerName } from "#model/listener";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects } from "#translate/facts";
import { gatewayClasses, gateways } from "#translate/gateway/api";
import type { Gateway } from "#translate/gateway/api";
import { acceptedClasses } from "#translate/gateway/gateway-class";

/** Where the listeners of a Gateway are: in which Envoys, at which address. */
export interface GatewaySite {
  readonly fleet: FleetName;
  readonly address: string;
  /** Comes before the names of Envoy listeners, so that Gateways at different addresses of one Envoy do not meet. */
  readonly prefix: string;
}

/** Where a Gateway of ours is, and when it was made. Bucket: `namespace/name` of the Gateway. */
export const gatewaySites = family<GatewaySite & { readonly created: string }>("gateway-site");

/** A Gateway with its age. */
export interface GatewayAge {
  readonly gateway: string;
  readonly created: string;
}

/** All Gateways of ours, where their addresses depend on their order. One bucket, "". */
const gatewaysByAge = family<GatewayAge>("gateway-by-age");

/** Puts Gateways in an order, where they have addresses by it. */
export function indexGateways(settings: Settings): Rule {
  return {
    name: "index-gateway",
    over: gateways,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      if (gateway !== undefined && settings.gatewaySites === "own-address") emit(gatewaysByAge, "", { gateway: bucket, created: gateway.metadata.creationTimestamp ?? "" });
    },
  };
}

/** The Gateway of a bucket, when its class is ours. */
export function ourGateway(read: Reader, bucket: string): Gateway | undefined {
  const gateway = read.one(gateways, bucket);
  return gateway !== undefined && read.any(acceptedClasses, objectKey("", gateway.spec.gatewayClassName)) ? gateway : undefined;
}

/** Orders Gateways: the older one first, then by name. */
export function compareGateways(a: GatewayAge, b: GatewayAge): number {
  return compareText(a.created, b.created) || compareText(a.gateway, b.gateway);
}

/** Says where a Gateway is. */
export function gatewaySite(read: Reader, settings: Settings, key: string, gateway: Gateway): GatewaySite {
  switch (settings.gatewaySites) {
    case "shared":
      return { fleet: commonFleet, address: settings.gatewayAddress, prefix: "" };
    case "own-fleet":
      return { fleet: mergingClass(read, gateway) ?? key, address: settings.gatewayAddress, prefix: "" };
    case "own-address":
      return { fleet: commonFleet, address: ownAddress(read, settings, key, gateway), prefix: `${key}/` };
  }
}

/** The fleet of all Gateways of a class that wants them merged. No namespace is called `*`, so it is no Gateway's. */
export function classFleet(gatewayClass: string): FleetName {
  return `*/${gatewayClass}`;
}

/** The fleet of a Gateway's class, if that merges its Gateways. */
function mergingClass(read: Reader, { spec: { gatewayClassName } }: Gateway): FleetName | undefined {
  const reference = read.one(gatewayClasses, objectKey("", gatewayClassName))?.spec.parametersRef;
  const parameters = reference === undefined ? undefined : read.one(objects("ContourDeployment"), objectKey(reference.namespace ?? "", reference.name));
  return parameters?.spec?.mergeGateways === true ? classFleet(gatewayClassName) : undefined;
}

/** A loopback address: the one that the Gateway names, else the first Gateway has the usual one, and the next ones those after 127.0.0.1. */
function ownAddress(read: Reader, settings: Settings, key: string, gateway: Gateway): string {
  const named = (gateway.spec.addresses ?? []).map(({ value = "" }) => value).find((value) => /^127(\.\d{1,3}){3}$/.test(value));
  if (named !== undefined) return named;
  const position = read.all(gatewaysByAge, "").toSorted(compareGateways).findIndex((entry) => entry.gateway === key);
  if (position <= 0) return settings.gatewayAddress;
  return `127.0.${Math.floor((position + 1) / 250)}.${((position + 1) % 250) || 250}`;
}

/** The name under which an Envoy listener of a Gateway is known in all fleets. */
export function siteListener(site: GatewaySite, listener: ListenerName): ListenerName {
  return inFleet(site.fleet, `${site.prefix}${listener}`);
}
