import { compareText } from "#lib/compare";
import type { Emit, Reader } from "#store/family";
import { family } from "#store/family";
import { coversOf } from "#translate/gateway/hostnames";
import type { Transport } from "#translate/gateway/listener-names";
import type { ListenerShape } from "#translate/gateway/listener-shape";
import type { GatewaySite } from "#translate/gateway/site";

/** A listener of a Gateway of ours, before anything is known of its neighbours. */
export interface ListenerEntry {
  /** `namespace/name`. */
  readonly gateway: string;
  /** When the Gateway was made. */
  readonly created: string;
  readonly site: GatewaySite;
  readonly shape: ListenerShape;
  /** When the ListenerSet was made that has it; empty for the Gateway's own, which come first. */
  readonly ownerCreated: string;
}

/** Bucket: the key of the listener. */
export const listenerEntries = family<ListenerEntry>("gateway-listener");

/** Listeners of a Gateway that share a port. Bucket: see `portKeyOf`. */
const listenersOfPort = family<ListenerEntry>("gateway-listener-of-port");

/** Whether a Gateway uses a port for a transport. Bucket: `portKeyOf` and the transport. */
const transportsOfPort = family<true>("gateway-transport-of-port");

/** Listeners of a Gateway that share a port and a host. Bucket: `portKeyOf` and the host. */
const listenersOfHost = family<ListenerEntry>("gateway-listener-of-host");

/** HTTPS listeners of a Gateway with a host below a wildcard. Bucket: `portKeyOf` and the wildcard. */
const listenersBelow = family<ListenerEntry>("gateway-listener-below");

/** Ports of a Gateway with HTTPS. Bucket: see `portOfGateway`. */
export const httpsPorts = family<{ readonly gateway: string; readonly port: number }>("gateway-https-port");

/** The bucket of what a Gateway says about one of its ports. */
export function portOfGateway(gateway: string, port: number): string {
  return `${gateway} ${port}`;
}

/** UDP has ports of its own, beside those of all others. */
function portKeyOf({ gateway, shape: { port, transport } }: ListenerEntry): string {
  return `${gateway} ${transport === "udp" ? "udp" : "tcp"} ${port}`;
}

/** Says that there is a listener, wherever its neighbours look for it. */
export function announceListener(emit: Emit, entry: ListenerEntry): void {
  const { gateway, shape } = entry;
  emit(listenerEntries, shape.key, entry);
  if (shape.transport === undefined) return;
  const port = portKeyOf(entry);
  emit(listenersOfPort, port, entry);
  emit(transportsOfPort, `${port} ${shape.transport}`, true);
  emit(listenersOfHost, `${port} ${shape.host}`, entry);
  if (shape.protocol !== "HTTPS") return;
  emit(httpsPorts, portOfGateway(gateway, shape.port), { gateway, port: shape.port });
  for (const cover of coversOf(shape.host)) emit(listenersBelow, `${port} ${cover}`, entry);
}

const tcpTransports: readonly Transport[] = ["http", "https", "tcp"];

/** The listeners that can conflict with one, and itself, in their order: those with its host, or all of the port where transports meet. */
export function competitors(read: Reader, entry: ListenerEntry): readonly ListenerShape[] {
  const port = portKeyOf(entry);
  const mixed = tcpTransports.filter((transport) => read.any(transportsOfPort, `${port} ${transport}`)).length > 1;
  const found = mixed ? read.all(listenersOfPort, port) : read.all(listenersOfHost, `${port} ${entry.shape.host}`);
  return found.toSorted(compareEntries).map(({ shape }) => shape);
}

/** How many neighbours are named. */
const named = 10;

/** Names of HTTPS listeners of the same Gateway and port with some of an HTTPS listener's hosts; of many only some. */
export function overlaps(read: Reader, entry: ListenerEntry): readonly string[] {
  const { shape } = entry;
  if (shape.protocol !== "HTTPS") return [];
  const port = portKeyOf(entry);
  const found = [
    ...[shape.host, ...coversOf(shape.host)].flatMap((host) => read.all(listenersOfHost, `${port} ${host}`)),
    ...(shape.host.startsWith("*") ? read.all(listenersBelow, `${port} ${shape.host}`) : []),
  ];
  const others = found.filter((other) => other.shape.key !== shape.key && other.shape.protocol === "HTTPS");
  return others.toSorted(compareEntries).slice(0, named).map((other) => other.shape.name);
}

/** A Gateway's own listeners, then those of ListenerSets, the older one first. */
function compareEntries(a: ListenerEntry, b: ListenerEntry): number {
  const [one, other] = [a.shape, b.shape];
  return compareText(a.ownerCreated, b.ownerCreated) || compareText(ownerName(one), ownerName(other)) || one.position - other.position;
}

function ownerName({ owner: { namespace, name } }: ListenerShape): string {
  return `${namespace}/${name}`;
}
