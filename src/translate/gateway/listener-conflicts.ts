import type { ListenerShape } from "#translate/gateway/gateway-shape";

/** Why a listener cannot live beside another one of its Gateway. */
export interface Conflict {
  readonly reason: "HostnameConflict" | "ProtocolConflict";
  readonly message: string;
}

/** Finds the listeners that conflict, by name. All listeners of a conflict have it: the specification forbids to pick a winner. */
export function findConflicts(listeners: readonly ListenerShape[]): Readonly<Record<string, Conflict>> {
  return Object.fromEntries(
    listeners.flatMap((listener) => {
      const conflict = findConflict(listener, listeners);
      return conflict === undefined ? [] : [[listener.name, conflict]];
    }),
  );
}

function findConflict(listener: ListenerShape, all: readonly ListenerShape[]): Conflict | undefined {
  const rivals = all.filter((other) => other !== listener && other.port === listener.port && other.protocol !== undefined);
  const otherProtocol = rivals.find((other) => other.protocol !== listener.protocol);
  if (listener.protocol === undefined) return undefined;
  if (otherProtocol !== undefined) return { reason: "ProtocolConflict", message: `listener ${JSON.stringify(otherProtocol.name)} has port ${listener.port} with another protocol; give one of them another port` };
  const sameHost = rivals.find((other) => other.host === listener.host);
  if (sameHost === undefined) return undefined;
  return { reason: "HostnameConflict", message: `listener ${JSON.stringify(sameHost.name)} has port ${listener.port} and the same hostname; give one of them another hostname or port` };
}
