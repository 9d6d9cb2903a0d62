import type { Transport } from "#translate/gateway/listener-names";
import type { ListenerShape } from "#translate/gateway/listener-shape";

/** Why a listener cannot live beside another one of its Gateway. */
export interface Conflict {
  readonly reason: "HostnameConflict" | "ProtocolConflict";
  readonly message: string;
}

/**
 * Finds the listeners that conflict, by key. Of a Gateway's own listeners all that conflict have it: the specification
 * forbids to pick a winner (Gateway, `spec.listeners`). Those of ListenerSets give way to all that come before them.
 */
export function findConflicts(listeners: readonly ListenerShape[]): Readonly<Record<string, Conflict>> {
  const conflicts = new Map<string, Conflict>();
  const own = listeners.filter(({ owner }) => owner.kind === "Gateway");
  const ownPorts = new Ports(own);
  for (const listener of own) note(conflicts, listener, ownPorts);
  const settled = new Ports(own.filter(({ key }) => !conflicts.has(key)));
  for (const listener of listeners) {
    if (listener.owner.kind === "Gateway") continue;
    note(conflicts, listener, settled);
    if (!conflicts.has(listener.key)) settled.add(listener);
  }
  return Object.fromEntries(conflicts);
}

/** Who has which port: a Gateway may have thousands of listeners. */
class Ports {
  readonly #ports = new Map<string, { readonly byTransport: Map<Transport, ListenerShape>; readonly byHost: Map<string, ListenerShape[]> }>();

  constructor(listeners: readonly ListenerShape[]) {
    for (const listener of listeners) this.add(listener);
  }

  add(listener: ListenerShape): void {
    const { transport, host } = listener;
    if (transport === undefined) return;
    const port = this.#ports.get(portOf(listener)) ?? { byTransport: new Map<Transport, ListenerShape>(), byHost: new Map<string, ListenerShape[]>() };
    this.#ports.set(portOf(listener), port);
    if (!port.byTransport.has(transport)) port.byTransport.set(transport, listener);
    port.byHost.set(host, [...(port.byHost.get(host) ?? []), listener]);
  }

  otherTransport(listener: ListenerShape): ListenerShape | undefined {
    return [...(this.#ports.get(portOf(listener))?.byTransport ?? [])].find(([transport]) => transport !== listener.transport)?.[1];
  }

  sameHost(listener: ListenerShape): ListenerShape | undefined {
    return this.#ports.get(portOf(listener))?.byHost.get(listener.host)?.find(({ key }) => key !== listener.key);
  }
}

/** UDP has ports of its own, beside those of all others. */
function portOf({ port, transport }: ListenerShape): string {
  return `${transport === "udp" ? "udp" : "tcp"} ${port}`;
}

function note(conflicts: Map<string, Conflict>, listener: ListenerShape, ports: Ports): void {
  if (listener.transport === undefined) return;
  const otherTransport = ports.otherTransport(listener);
  const sameHost = ports.sameHost(listener);
  if (otherTransport !== undefined) conflicts.set(listener.key, { reason: "ProtocolConflict", message: `${name(otherTransport, listener)} has port ${listener.port} with another protocol; give one of them another port` });
  else if (sameHost !== undefined) conflicts.set(listener.key, { reason: "HostnameConflict", message: `${name(sameHost, listener)} has port ${listener.port} and the same hostname; give one of them another hostname or port` });
}

/** Of other objects' listeners no more is told than that they are there: their owner may be someone else. */
function name(other: ListenerShape, { owner }: ListenerShape): string {
  const same = other.owner.kind === owner.kind && other.owner.namespace === owner.namespace && other.owner.name === owner.name;
  return same ? `listener ${JSON.stringify(other.name)}` : `a listener of ${other.owner.kind === "Gateway" ? "the Gateway" : "another ListenerSet"}`;
}
