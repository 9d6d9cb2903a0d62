/**
 * A group of Envoys that get one configuration. The empty name is the fleet of Ingress and HTTPProxy; a Gateway with
 * Envoys of its own has the fleet `namespace/name`.
 */
export type FleetName = string;

/** The fleet of Ingress and HTTPProxy. */
export const commonFleet: FleetName = "";

/** No name of a resource, and no name of Kubernetes, has this in it. */
const separator = ">";

/** Names something of a fleet so that it is told apart from the same name in other fleets. */
export function inFleet(fleet: FleetName, name: string): string {
  return fleet === commonFleet ? name : `${fleet}${separator}${name}`;
}

/** The fleet, and the name as its Envoys know it. */
export function splitFleet(qualified: string): { readonly fleet: FleetName; readonly name: string } {
  const at = qualified.indexOf(separator);
  return at === -1 ? { fleet: commonFleet, name: qualified } : { fleet: qualified.slice(0, at), name: qualified.slice(at + 1) };
}
